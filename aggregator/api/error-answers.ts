import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { Logger } from 'winston';
import { WeirError, type ErrorCode } from '../../shared/errors.ts';
import { ConfigurationError } from '../../shared/topology/document.ts';
import { Problem, PROBLEM_TYPE } from './problem.ts';

const STATUS_OF: Readonly<Partial<Record<ErrorCode, number>>> = { USAGE: 400, QUERY: 400, CONFIGURATION: 422, PERMISSION: 403, STORAGE: 503 };

/** Every refusal and every failure leaves as an RFC 9457 problem document. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500) log.error(`${request.method} ${request.routeOptions.url ?? '?'}: ${error.message}`, { stack: error.stack });
    return send(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!.slice(0, 200);
    return send(reply, new Problem(404, `there is no ${request.method} ${path} here; the API lies under /v1`));
  });
}

function problemOf(error: Error): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ConfigurationError) return new Problem(422, error.message, { errors: error.problems });
  if (error instanceof WeirError) {
    const status = STATUS_OF[error.code] ?? 500;
    return new Problem(status, error.message, {}, status === 503 ? { 'retry-after': '5' } : {});
  }
  // fastify's own refusals: a body too large, a type unknown, a parameter that does not fit its schema
  const { statusCode, message } = error as FastifyError;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Problem(statusCode, message);
  return new Problem(500, 'the collector failed; its log says more');
}

function send(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).headers(problem.headers).type(PROBLEM_TYPE).send(Buffer.from(JSON.stringify(problem.document())));
}
