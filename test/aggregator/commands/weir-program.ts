import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { runCollector, temporaryDirectory, type RunningCollector } from '../collector-fixture.ts';
import type { CollectorOptions } from '../../../aggregator/main.ts';

const PROGRAM = fileURLToPath(new URL('../../../weir.ts', import.meta.url));
export const WEIR_WORDS = [process.execPath, '--import=tsx', PROGRAM];

export interface Ended { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export interface Given {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** `weir …` as users run it. */
export function weir(words: readonly string[], { environment = {}, input = '' }: Given = {}): Promise<Ended> {
  return run([...WEIR_WORDS, ...words], { environment, input });
}

export function run([program, ...words]: readonly string[], { environment = {}, input = '' }: Given = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, words, { env: { PATH: process.env['PATH'], ...environment } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    child.once('error', reject).once('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => {}).end(input);
  });
}

export interface Operated {
  readonly collector: RunningCollector;
  /** `weir …` with this collector and its admin token. */
  weir(...words: string[]): Promise<Ended>;
  /** The same with something on standard input, or another environment. */
  weirGiven(given: Given, ...words: string[]): Promise<Ended>;
  /** The JSON objects, one a line, that the command prints. */
  objects<T = Record<string, unknown>>(...words: string[]): Promise<T[]>;
  /** Path of a new file. */
  file(name: string, text: string): string;
}

export async function operate(t: ExecutionContext, options: Partial<CollectorOptions> = {}): Promise<Operated> {
  const collector = await runCollector(t, options);
  const directory = temporaryDirectory(t);
  const environment = { WEIR_COLLECTOR: collector.url, WEIR_TOKEN_FILE: collector.adminTokenFile };
  const weirGiven = (given: Given, ...words: string[]): Promise<Ended> => weir(words, { ...given, environment: { ...environment, ...given.environment } });
  return {
    collector, weirGiven,
    weir: (...words) => weirGiven({}, ...words),
    objects: async <T>(...words: string[]) => {
      const { code, stdout, stderr } = await weirGiven({}, ...words);
      if (code !== 0) throw new Error(`weir ${words.join(' ')}: ${stderr}`);
      return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as T);
    },
    file: (name, text) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    },
  };
}

/** Makes changes by the API, where the command is not what is tested. */
export async function call<T = Record<string, unknown>>({ collector }: Operated, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const isText = typeof body === 'string';
  const response = await collector.request(path, {
    method, headers: { ...(body === undefined ? {} : { 'content-type': isText ? 'application/yaml' : 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return (text === '' ? null : JSON.parse(text)) as T;
}

export const INVENTORY = `account-id: "1234567890123456"
region: lab-1
vpcs:
  - { vpc-id: vpc-lab, cidrs: [10.20.0.0/16] }
vswitches:
  - { vswitch-id: vsw-front, vpc-id: vpc-lab, cidr: 10.20.1.0/24 }
prefix-lists:
  - { prefix-list-id: pl-office, entries: [203.0.113.0/24] }
security-groups:
  - security-group-id: sg-front
    rules:
      - { rule-id: r-http, direction: ingress, policy: accept, protocol: tcp, port-range: 80/80, cidr: 0.0.0.0/0 }
      - { rule-id: r-ssh, direction: ingress, policy: accept, protocol: tcp, port-range: 22/22, prefix-list: pl-office }
enis:
  - { eni-id: eni-web, vswitch-id: vsw-front, mac: "02:00:00:20:01:10", addresses: [10.20.1.10], security-groups: [sg-front] }
  - { eni-id: eni-db, vswitch-id: vsw-front, mac: "02:00:00:20:01:11", addresses: [10.20.1.11], security-groups: [sg-front] }
`;
