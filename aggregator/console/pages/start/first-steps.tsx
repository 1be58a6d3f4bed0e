import type { ComponentChildren } from 'preact';
import { CommandLines } from '../../ui/command-lines.tsx';
import { PageHead } from '../../ui/page-head.tsx';
import { Badge } from '../../ui/badge.tsx';
import './first-steps.css';

/** An empty installation: three steps to the first record. */
export function FirstSteps({ hasEnis, hasFlowLogs, onReload }: { hasEnis: boolean; hasFlowLogs: boolean; onReload: () => void }) {
  return (
    <>
      <PageHead title="Three steps to the first record"><button type="button" onClick={onReload}>Look again</button></PageHead>
      <p class="muted">Nothing is recorded yet. In the shell where you run <code>weir</code>:</p>
      <CommandLines lines={[`export WEIR_COLLECTOR=${location.origin}`, 'export WEIR_TOKEN_FILE=/var/lib/weir/admin-token   # in the collector\'s data directory']} />
      <ol class="steps">
        <Step title="Describe the network" isDone={hasEnis}>
          <p>VPCs, VSwitches, security groups and ENIs, in one YAML document. Each of the samples has one to begin with, with a flow log, which asks for the account's authorization.</p>
          <CommandLines lines={['weir validate samples/web/topology.yaml', 'weir authorize', 'weir apply -f samples/web/topology.yaml']} />
        </Step>
        <Step title="Create a flow log" isDone={hasFlowLogs}>
          <p>It says whose traffic is recorded, and into which LogStore. <a href="/flow-logs?panel=create">Create it here</a>, or:</p>
          <CommandLines lines={['weir authorize', 'weir logstore create main', 'weir flow-log create --name lab --resource-type VPC --resource-id vpc-lab --logstore main']} />
        </Step>
        <Step title="Bring traffic" isDone={false}>
          <p>An agent on the host that has the interfaces. It enrols with a token that works once, and is told what to watch:</p>
          <CommandLines lines={[
            'weir token create --scope enrol --agent-id host-1 > enrol-token',
            '# on the host, with enrol-token in /etc/weir',
            'cat > /etc/weir/agent.yaml <<END', 'agent-id: host-1', `collector: { url: ${location.origin}, enrol-token-file: /etc/weir/enrol-token }`, 'state-directory: /var/lib/weir-agent', 'END',
            'weir agent --config /etc/weir/agent.yaml',
          ]} />
        </Step>
      </ol>
      <section class="stack aside">
        <h2>Only to look around</h2>
        <p>A capture file gives the same records as the wire, without any of these steps, as long as no flow log covers its ENIs:</p>
        <CommandLines lines={['weir replay samples/web/capture.pcapng --topology samples/web/topology.yaml \\', '  --window 10s --collector "$WEIR_COLLECTOR" --logstore samples']} />
      </section>
    </>
  );
}

function Step({ title, isDone, children }: { title: string; isDone: boolean; children: ComponentChildren }) {
  return (
    <li>
      <h2>{title} {isDone && <Badge word="COMPLETE" text="done" />}</h2>
      {children}
    </li>
  );
}
