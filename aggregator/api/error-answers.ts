import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { Logger } from 'winston';
import { WeirError, type ErrorCode } from '../../shared/errors.ts';
import { ConfigurationError } from '../../shared/topology/document.ts';
import { withoutTokens } from '../control/token-text.ts';
import { Problem, PROBLEM_TYPE } from './problem.ts';

const STATUS_OF: Readonly<Partial<Record<ErrorCode, number>>> = { USAGE: 400, QUERY: 400, CONFIGURATION: 422, PERMISSION: 403, STORAGE: 503 };

/** Every refusal and every failure leaves as an RFC 9457 problem document. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = problemOf(error);
    // a Problem is an answer that was meant, such as that too many queries run
    if (problem.status >= 500 && !(error instanceof Problem)) {
      log.error(withoutTokens(`${request.method} ${request.routeOptions.url ?? '?'}: ${error.message}`), { stack: withoutTokens(error.stack ?? '') });
    }
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!.slice(0, 200);
    return sendProblem(reply, new Problem(404, `there is no ${request.method} ${path} here; the API lies under /v1`));
  });
}

export function problemOf(error: Error): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ConfigurationError) return new Problem(422, error.message, { errors: error.problems });
  if (error instanceof WeirError) {
    const status = STATUS_OF[error.code] ?? 500;
    return new Problem(status, error.message, {}, status === 503 ? { 'retry-after': '5' } : {});
  }
  // fastify's own refusals: a body too large, a type unknown, a parameter that does not fit its schema
  const { statusCode, message, validation } = error as FastifyError;
  if (validation?.[0]) return new Problem(400, wrongParameter(validation[0], message));
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Problem(statusCode, message);
  return new Problem(500, 'the collector failed; its log says more');
}

type ValidationError = NonNullable<FastifyError['validation']>[number];

/** What a schema says no to; its own texts leave out which values there are, and which name is wrong. */
function wrongParameter({ keyword, instancePath, params }: ValidationError, message: string): string {
  if (keyword === 'enum') return `${instancePath.slice(1)} must be one of ${(params['allowedValues'] as string[]).join(', ')}`;
  if (keyword === 'additionalProperties') return `there is no parameter ${JSON.stringify(String(params['additionalProperty']).slice(0, 80))} here`;
  return message;
}

const CLIENT_ERRORS: Readonly<Record<string, [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the headers are longer than 16 KiB together'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
};

/** What is no HTTP request never reaches a route. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, detail] = CLIENT_ERRORS[error.code ?? ''] ?? [400, 'this is no HTTP request'];
  const body = JSON.stringify(new Problem(status, detail).document());
  if (socket.writable) {
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  }
  socket.destroySoon();
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).headers(problem.headers).type(PROBLEM_TYPE).send(Buffer.from(withoutTokens(JSON.stringify(problem.document()))));
}
