import type { PageProps } from '../../frame/pages.ts';
import { FlowLogDetails } from './flow-log-details.tsx';
import { FlowLogList } from './flow-log-list.tsx';
import './flow-logs.css';

export default function FlowLogsPage({ rest: [id] }: PageProps) {
  return id === undefined ? <FlowLogList /> : <FlowLogDetails key={id} id={id} />;
}
