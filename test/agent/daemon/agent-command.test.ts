/** `weir agent` and `weir validate` at a terminal: what they say and how they end. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { NetworkNamespace } from '../../netns/network-namespace.ts';
import { readParquet, runCollector, temporaryDirectory } from '../../aggregator/collector-fixture.ts';
import { AS_JSON, AgentProcess, ENDED_WITHIN_MS, HERE, acceptPort, pairOfMachines, topologyText, totals } from './agent-process.ts';

test.serial('--check says what would be watched, and ends with 0, 77 or 78', async (t) => {
  const folder = temporaryDirectory(t);
  const { here } = pairOfMachines(t);
  const topology = join(folder, 'topology.yaml');
  writeFileSync(topology, topologyText([acceptPort('tcp', 80)]));
  const config = join(folder, 'agent.yaml');
  writeFileSync(config, 'topology: topology.yaml\nstate-directory: state\n');

  const good = new AgentProcess(t, ['agent', '--config', config, '--check'], here);
  t.is(await good.exited, 0, good.stderr);
  t.regex(good.stdout, /eni-here[^]*where +eth0 \(index \d+, 02:00:00:00:00:02, up\)[^]*sg-1 \(basic, 1 rules\)[^]*ready/);

  const wrongFilter = new AgentProcess(t, ['agent', '--config', config, '--check', '-f', 'foo bar'], here);
  t.is(await wrongFilter.exited, 78);
  t.regex(wrongFilter.stdout, /fault +the filter "foo bar" does not compile[^]*not ready/);

  writeFileSync(config, 'topology: topology.yaml\nwindow: never\nworkers: many\n');
  const wrong = new AgentProcess(t, ['agent', '--config', config, '--check'], here);
  t.is(await wrong.exited, 78);
  t.regex(wrong.stderr, /agent\.yaml:2: window: "never"[^]*agent\.yaml:3: workers: "many"/);

  const powerless = here.spawn('setpriv', [
    '--bounding-set=-net_raw,-net_admin', '--inh-caps=-all', process.execPath, '--import', 'tsx', 'weir.ts', 'agent', '-t', topology, '--check',
  ], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  powerless.stdout!.on('data', (text) => (said += String(text)));
  const [code] = await once(powerless, 'close');
  t.is(code, 77, said);
  t.regex(said, /setcap cap_net_raw\+ep .*AmbientCapabilities=CAP_NET_RAW/);
});

test.serial('what is wrong with the command line ends it at once', async (t) => {
  const cases: [string[], number, RegExp][] = [
    [['agent'], 2, /nothing to watch/],
    [['agent', '--collector', 'http://127.0.0.1:9'], 78, /give it a state-directory/],
    [['agent', '--collector', 'http://127.0.0.1:9', '--window', '60s'], 2, /--window is decided by the flow logs/],
    [['agent', '-i', 'eth0', '--window', '0s'], 2, /--window is "0s"/],
    [['agent', '-i', 'eth0', '-c', '0'], 2, /--count/],
    [['agent', '-i', 'no-such-one'], 78, /there is no interface no-such-one; there are .*lo/],
    [['agent', '--config', '/no/such/file'], 78, /\/no\/such\/file cannot be read/],
  ];
  for (const [args, code, text] of cases) {
    const agent = new AgentProcess(t, args, null);
    t.is(await agent.exited, code, agent.stderr);
    t.regex(agent.stderr, text);
    t.is(agent.stdout, '');
  }
});

test.serial('validate: 0, or 78 with everything that is wrong', async (t) => {
  const folder = temporaryDirectory(t);
  const topology = join(folder, 'topology.yaml');
  const config = join(folder, 'agent.yaml');
  writeFileSync(topology, topologyText([acceptPort('tcp', 80)]));
  writeFileSync(config, 'topology: topology.yaml\ncapture: {method: cap}\n');
  const good = new AgentProcess(t, ['validate', topology, config, 'samples/web/topology.yaml', 'packaging/agent.yaml'], null);
  t.is(await good.exited, 0, good.stderr);
  t.regex(good.stderr, /agent\.yaml: a configuration of an agent, with a topology of 1 ENIs/);
  t.regex(good.stderr, /packaging\/agent\.yaml: a configuration of an agent that https:\/\/collector\.example:8790 manages/);
  writeFileSync(config, 'topology: none.yaml\n');
  const without = new AgentProcess(t, ['validate', config], null);
  t.is(await without.exited, 78);
  t.regex(without.stderr, /none\.yaml cannot be read/);
  writeFileSync(config, 'capture: {method: magic}\nworkers: 1000\n');
  const wrong = new AgentProcess(t, ['validate', config, topology], null);
  t.is(await wrong.exited, 78);
  t.regex(wrong.stderr, /agent\.yaml:1: capture\.method: "magic"[^]*agent\.yaml:2: workers: /);
});

test.serial('metrics and status tell what was captured, also to weir top; -c ends the agent', async (t) => {
  const { here, there } = pairOfMachines(t);
  const agent = new AgentProcess(t, ['agent', '-i', 'eth0', '--window', '1s', '-c', '60', '--metrics', '127.0.0.1:9790', ...AS_JSON], here);
  await agent.says(/capturing on eth0/);
  there.run('ping', '-q', '-c', '10', '-i', '0.002', HERE.ip);
  await agent.until(() => totals(agent.rows).packets === 20, 'all packets in records');
  await agent.until(() => JSON.parse(here.run('curl', '-s', 'http://127.0.0.1:9790/status')).interfaces[0].packets === 20, 'all packets in the status');
  const metrics = here.run('curl', '-s', 'http://127.0.0.1:9790/metrics');
  t.regex(metrics, /^weir_capture_packets_total\{interface="eth0"\} 20$/m);
  t.regex(metrics, /^weir_capture_drops_total\{interface="eth0"\} 0$/m);
  t.regex(metrics, /^weir_recorded_packets_total 20$/m);
  t.is(here.run('curl', '-s', 'http://127.0.0.1:9790/healthz'), 'ok\n');
  const page = here.run(process.execPath, '--import', 'tsx', 'weir.ts', 'top', '--interval', '0.2');
  t.regex(page, /INTERFACE +PACKETS\/S[^]*eth0 +0 +0 +20 +0 +0 +eni-eth0/);
  there.run('ping', '-q', '-c', '40', '-i', '0.002', HERE.ip);
  t.is(await agent.exited, 0);
  t.is(totals(agent.rows).packets, 60);
});

test.serial('records go to a file, which is opened anew on SIGHUP', async (t) => {
  const folder = temporaryDirectory(t);
  const { here, there } = pairOfMachines(t);
  const path = join(folder, 'records');
  const agent = new AgentProcess(t, ['agent', '-i', 'eth0', '--window', '1s', '-o', path, ...AS_JSON], here);
  await agent.says(/capturing on eth0/);
  there.run('ping', '-q', '-c', '5', '-i', '0.002', HERE.ip);
  t.is((await agent.end()).code, 0);
  t.is(agent.stdout, '');
  t.is(readFileSync(path, 'utf8').split('\n').filter((line) => line.includes('"log-status":"OK"')).reduce((sum, line) => sum + (JSON.parse(line) as { packets: number }).packets, 0), 10);
});

test.serial('the end does not wait for a collector that is away; a second signal ends at once', async (t) => {
  const { here, there } = pairOfMachines(t);
  const start = async (): Promise<AgentProcess> => {
    const agent = new AgentProcess(t, ['agent', '-i', 'eth0', '--window', '1s', '--collector', 'http://127.0.0.1:9'], here);
    await agent.says(/capturing on eth0/);
    there.run('ping', '-q', '-c', '5', '-i', '0.002', HERE.ip);
    await agent.says(/does not take batches/);
    return agent;
  };
  const patient = await (await start()).end();
  t.is(patient.code, 0);
  t.true(patient.ms < ENDED_WITHIN_MS, `${patient.ms} ms`);
  const agent = await start();
  agent.child.kill('SIGTERM');
  await agent.says(/SIGTERM: stopping/);
  const hasty = await agent.end();
  t.is(hasty.code, 1);
  t.true(hasty.ms < 4000, `${hasty.ms} ms: the first signal alone would have taken longer`);
});

test.serial('a reader of standard output that has seen enough ends the agent without a word', async (t) => {
  const { here, there } = pairOfMachines(t);
  const pipeline = here.spawn('sh', ['-c', `"${process.execPath}" --import tsx weir.ts agent -i eth0 --window 1s | head -n 1; echo end`], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => pipeline.kill('SIGKILL'));
  let said = '';
  pipeline.stdout!.on('data', (text) => (said += String(text)));
  const closed = once(pipeline, 'close');
  const traffic = there.spawn('ping', ['-q', '-i', '0.01', HERE.ip], { stdio: 'ignore' });
  t.teardown(() => traffic.kill('SIGKILL'));
  t.deepEqual(await closed, [0, null]);
  t.regex(said, /^1 .*\nend\n$/);
});

test.serial('a collector that is away gets everything when it comes back', async (t) => {
  const folder = temporaryDirectory(t);
  // where nobody else takes its port meanwhile
  const host = new NetworkNamespace();
  t.teardown(() => host.remove());
  const port = 8790;
  const to = 9;
  const probe = await host.within(() => runCollector(t, { port }));
  await probe.stop();
  const sink = createSocket('udp4');
  await host.within(() => new Promise<void>((resolve) => sink.bind(to, '127.0.0.1', resolve)));
  t.teardown(() => sink.close());
  const agent = new AgentProcess(t, [
    'agent', '-i', 'lo', '-f', `udp port ${to}`, '--window', '1s', '--collector', `http://127.0.0.1:${port}`, '--token-file', probe.adminTokenFile,
    '--agent-id', 'agent-1', '--logstore', 'default', '--state-directory', join(folder, 'state'),
  ], host);
  await agent.says(/capturing on lo/);
  const send = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) await new Promise<void>((resolve) => sink.send('x', to, '127.0.0.1', () => resolve()));
  };
  await send(50);
  await agent.says(/does not take batches/);
  const collector = await host.within(() => runCollector(t, { data: probe.data, port }));
  await agent.says(/takes batches again/);
  await send(50);
  t.is((await agent.end()).code, 0);
  await collector.flush();
  const files = readdirSync(probe.data, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'));
  const rows = (await Promise.all(files.map((name) => readParquet(join(probe.data, name))))).flat();
  t.is(rows.reduce((sum, row) => sum + Number(row['packets'] ?? 0), 0), 100);
  t.true(rows.every((row) => row['log-status'] !== 'SKIPDATA'));
});
