import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LogStore } from '../../api/answers.ts';
import { ApiProblem, request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { parameter, setParameters } from '../../state/address.ts';
import { mayChange } from '../../state/session.ts';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { PageHead } from '../../ui/page-head.tsx';
import { Explorer } from './explorer.tsx';
import { LogStoreField } from './explorer-parts.tsx';
import { ALL_TIME } from './question.ts';
import './explorer.css';

const RECENT = '-24h';
const RECENT_SECONDS = 86_400;

/** Records are kept, but not to be searched: whoever may, turns it on. */
function SearchIsOff({ logStores, logStore, onChanged }: { logStores: readonly LogStore[]; logStore: string; onChanged: () => void }) {
  const problem = useSignal<ApiProblem | null>(null);
  const turnOn = (): void => {
    request('PATCH', `/v1/logstores/${encodeURIComponent(logStore)}`, { body: { search: true } }).then(onChanged, (error: unknown) => {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
    });
  };
  return (
    <>
      <PageHead title="Explorer"><LogStoreField logStores={logStores} chosen={logStore} /></PageHead>
      <Notice kind="info" title="Search of this LogStore is off" action={mayChange.value && <button type="button" class="primary" onClick={turnOn}>Turn on search</button>}>
        Its records are kept, and can be searched and charted once it is on{mayChange.value ? '.' : ', which takes an admin token.'}
      </Notice>
      {problem.value && <ProblemNotice problem={problem.value} />}
    </>
  );
}

export default function ExplorerPage() {
  const { value, problem, reload } = useLoaded((signal) => request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal }), []);
  const logStores = value?.logstores;
  const named = parameter('logstore');
  const chosen = named ?? logStores?.filter(({ search }) => search).toSorted((a, b) => b.rows - a.rows)[0]?.name ?? logStores?.[0]?.name;
  const isWhole = named !== null && parameter('from') !== null;
  // the address names what is looked at, so that it shows others the same
  useEffect(() => {
    if (chosen === undefined || isWhole) return;
    const to = logStores?.find(({ name }) => name === chosen)?.to ?? null;
    setParameters({ logstore: chosen, from: parameter('from') ?? (to !== null && to > Date.now() / 1000 - RECENT_SECONDS ? RECENT : ALL_TIME) });
  }, [chosen, isWhole, logStores]);
  if (!logStores) return problem && <ProblemNotice problem={problem} onRetry={reload} />;
  if (chosen === undefined) {
    return (
      <>
        <PageHead title="Explorer" />
        <Notice kind="info" title="There is no LogStore yet">A LogStore appears with the first flow log that writes to it. <a href="/">The steps to the first record</a></Notice>
      </>
    );
  }
  const shut = logStores.find(({ name, search }) => name === chosen && !search);
  if (shut) return <SearchIsOff logStores={logStores} logStore={chosen} onChanged={reload} />;
  return isWhole ? <Explorer logStores={logStores} logStore={chosen} /> : null;
}
