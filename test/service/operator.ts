import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceNetwork } from './service-network.ts';

export type Row = Readonly<Record<string, string | number | null>>;

export interface FlowLogState {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly enis: number;
}

/** What an operator does in the course of a flow log's life, by whatever means. */
export interface Operator {
  apply(document: string): Promise<void>;
  authorize(): Promise<void>;
  createLogStore(name: string): Promise<void>;
  enrolToken(agentId: string): Promise<string>;
  /** Its id. */
  createFlowLog(flowLog: Record<string, string>): Promise<string>;
  disable(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  flowLogs(): Promise<FlowLogState[]>;
  /** Agents whose assignment is in force, and which capture all ENIs that they are to record. */
  readyAgents(): Promise<string[]>;
  rows(logStore: string): Promise<Row[]>;
}

interface AgentAnswer {
  readonly 'agent-id': string;
  readonly 'up-to-date': boolean;
  readonly 'enis': readonly { readonly recorded: boolean; readonly state: string | null }[];
}

function ready(agents: readonly AgentAnswer[]): string[] {
  return agents.filter((agent) => agent['up-to-date'] && agent.enis.every((eni) => !eni.recorded || eni.state === 'capturing')).map((agent) => agent['agent-id']);
}

function state(flowLog: Record<string, unknown>): FlowLogState {
  return { id: String(flowLog['flow-log-id']), name: String(flowLog['name']), status: String(flowLog['status']), enis: Number(flowLog['enis']) };
}

export class CommandOperator implements Operator {
  private readonly network: ServiceNetwork;

  constructor(network: ServiceNetwork) {
    this.network = network;
  }

  async apply(document: string): Promise<void> {
    const path = join(this.network.directory, 'vpc.yaml');
    writeFileSync(path, document);
    await this.run('apply', '-f', path);
  }

  async authorize(): Promise<void> {
    await this.run('authorize');
  }

  async createLogStore(name: string): Promise<void> {
    await this.run('logstore', 'create', name, '--search', 'on');
  }

  async enrolToken(agentId: string): Promise<string> {
    return (await this.run('token', 'create', '--scope', 'enrol', '--agent-id', agentId)).trim();
  }

  async createFlowLog(flowLog: Record<string, string>): Promise<string> {
    const answer = await this.run('flow-log', 'create', '--json', ...Object.entries(flowLog).flatMap(([name, value]) => [`--${name}`, value]));
    return (JSON.parse(answer) as Record<string, string>)['flow-log-id']!;
  }

  async disable(id: string): Promise<void> {
    await this.run('flow-log', 'disable', id);
  }

  async remove(id: string): Promise<void> {
    await this.run('flow-log', 'delete', id);
  }

  async flowLogs(): Promise<FlowLogState[]> {
    return jsonItems(await this.run('flow-log', 'list', '--json')).map(state);
  }

  async readyAgents(): Promise<string[]> {
    return ready(jsonItems(await this.run('agents', 'list', '--json')) as unknown as AgentAnswer[]);
  }

  async rows(logStore: string): Promise<Row[]> {
    return jsonItems(await this.run('query', logStore, '*', '--format', 'json', '--fields', 'all')) as Row[];
  }

  private async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.network.weir(...args);
    assert.equal(code, 0, `weir ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}

/** A JSON list, or one object a line. */
function jsonItems(text: string): Record<string, unknown>[] {
  if (text.trimStart().startsWith('[')) return JSON.parse(text) as Record<string, unknown>[];
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

interface OpenApi { readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>> }

/** curl, with nothing known but the names of operations in the OpenAPI document. */
export class CurlOperator implements Operator {
  private readonly network: ServiceNetwork;
  private operations: Map<string, { method: string; path: string }> | null = null;

  constructor(network: ServiceNetwork) {
    this.network = network;
  }

  async apply(document: string): Promise<void> {
    await this.call('putInventory', {}, document);
  }

  async authorize(): Promise<void> {
    await this.call('putAuthorization', {});
  }

  async createLogStore(name: string): Promise<void> {
    await this.call('postLogstores', {}, { name, search: true });
  }

  async enrolToken(agentId: string): Promise<string> {
    return String((await this.call('postTokens', {}, { 'scope': 'enrol', 'agent-id': agentId }))['token']);
  }

  async createFlowLog(flowLog: Record<string, string>): Promise<string> {
    return String((await this.call('postFlowLogs', {}, flowLog))['flow-log-id']);
  }

  async disable(id: string): Promise<void> {
    await this.call('postFlowLogsIdDisable', { id });
  }

  async remove(id: string): Promise<void> {
    await this.call('deleteFlowLogsId', { id });
  }

  async flowLogs(): Promise<FlowLogState[]> {
    return ((await this.call('getFlowLogs', {}))['flow-logs'] as Record<string, unknown>[]).map(state);
  }

  async readyAgents(): Promise<string[]> {
    return ready((await this.call('getAgents', {}))['agents'] as AgentAnswer[]);
  }

  async rows(logStore: string): Promise<Row[]> {
    return (await this.call('postLogstoresNameQuery', { name: logStore }, { query: '*', fields: 'all', limit: 10_000 }))['records'] as Row[];
  }

  private async call(operationId: string, parameters: Record<string, string>, body?: unknown): Promise<Record<string, unknown>> {
    this.operations ??= await this.readOperations();
    const operation = this.operations.get(operationId);
    assert(operation, `the OpenAPI document has no ${operationId}; it has ${[...this.operations.keys()].join(', ')}`);
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => encodeURIComponent(parameters[name]!));
    const answer = await this.network.curl(operation.method, path, body);
    assert(answer.status < 300, `${operation.method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  private async readOperations(): Promise<Map<string, { method: string; path: string }>> {
    const { paths } = (await this.network.curl('GET', '/v1/openapi.json')).body as unknown as OpenApi;
    return new Map(Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [operationId, { method: method.toUpperCase(), path }])));
  }
}
