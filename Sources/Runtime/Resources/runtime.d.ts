// Types of `@flowdex/runtime`, the one module that a workflow may import.
//
// They are for your editor and for `flowdex check`; a run itself strips types and never checks them. `flowdex types`
// writes this file into a project and points the import at it.

/** A value that crosses the boundary between a workflow and flowdex. What a workflow is given is deeply frozen. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The input of a workflow that does not say what it expects. */
export type AnyInput = { readonly [key: string]: Json };

/**
 * Declares the workflow: `export default workflow(manifest, callback)`. The ids of phases, adapters and host commands
 * are those of the manifest.
 */
export declare function workflow<const M extends Manifest>(
  manifest: M,
  callback: (ctx: Ctx<AnyInput, PhaseOf<M>, AdapterOf<M>, CommandOf<M>>) => unknown,
): Workflow;
/**
 * With the type of `ctx.input`: `workflow<{ shards: number }>(manifest, callback)`. TypeScript infers all type arguments
 * or none, so ids are then any string; `ctx.input as { shards: number }` keeps both.
 */
export declare function workflow<Input>(manifest: Manifest, callback: (ctx: Ctx<Input>) => unknown): Workflow;

/** The ids of the manifest's phases. */
export type PhaseOf<M extends Manifest> = M["phases"][number]["id"];
/** The ids of the manifest's adapters. */
export type AdapterOf<M extends Manifest> = M["adapters"] extends { readonly [id: string]: Adapter }
  ? keyof M["adapters"] & string
  : string;
/** The ids of the manifest's host commands. */
export type CommandOf<M extends Manifest> = M["permissions"]["hostCommands"] extends readonly HostCommand[]
  ? M["permissions"]["hostCommands"][number]["id"]
  : string;

/** What `export default` exports; only flowdex makes use of it. */
export interface Workflow {
  readonly manifest: Manifest;
}

/** The static first argument: a literal without anything computed, for it is read, not run. */
export interface Manifest {
  readonly name: string;
  /** Distinct tasks in the run, 1 to 100000; attempts and restarts do not count. */
  readonly maxAgents: number;
  /** Leases that may be live at one time, 1 to 100000. */
  readonly maxConcurrency: number;
  readonly defaultAdapter?: string;
  readonly adapters?: { readonly [id: string]: Adapter };
  readonly permissions: Permissions;
  readonly limits?: Limits;
  readonly phases: readonly Phase[];
}

export interface Adapter {
  readonly type: string;
  readonly model?: string;
  readonly reasoningEffort?: string;
}

export interface Permissions {
  /** Globs of project files that a worker's snapshot holds; secrets by their name only where a glob spells it. */
  readonly read: readonly string[];
  /** Globs of project files that `ctx.integrate` may change. */
  readonly write: readonly string[];
  readonly hostCommands?: readonly HostCommand[];
  /** Recorded intent, passed on to workers; `"none"` where it is left out. */
  readonly network?: "none" | "web";
  readonly env?: { readonly inherit?: readonly string[] };
}

export interface HostCommand {
  readonly id: string;
  readonly argv: readonly string[];
  /** `"project"`, or a folder below the project root. */
  readonly cwd?: string;
  /** Milliseconds; 600000 where it is left out. */
  readonly timeoutMs?: number;
  /** Bytes kept of each of stdout and stderr; 5242880 where it is left out. */
  readonly maxOutputBytes?: number;
  /** Whether a command that a crash interrupted may simply be run again; false where it is left out. */
  readonly idempotent?: boolean;
}

export interface Limits {
  /** CPU milliseconds of one tick; 10000, at most 60000. */
  readonly tickCpuMs?: number;
  /** MiB of heap; 256, at most 2048. */
  readonly memoryMiB?: number;
  /** Bytes that leave the callback in one session; 67108864, at most 1 GiB. */
  readonly outputBytes?: number;
  /** Operations; 100000, at most 1000000. */
  readonly operations?: number;
}

export interface Phase {
  readonly id: string;
  readonly maxAgents?: number;
}

/** The durable operations. A promise of one is answered once, whatever process is running by then. */
export interface Ctx<
  Input = AnyInput,
  Phase extends string = string,
  AdapterId extends string = string,
  CommandId extends string = string,
> {
  /** What `run --input` was given; `{}` where it was given nothing. */
  readonly input: Input;
  /** The run's logical time in milliseconds since 1970: the same on every replay. */
  now(): number;
  /** Records a line in the run's events, once. */
  log(text: string): void;

  /** Runs a command that the manifest allows. */
  hostCommand(command: {
    readonly id: string;
    readonly phase: Phase;
    readonly commandId: CommandId;
  }): Promise<HostCommandResult>;
  /** Gives one task to one worker; `data` of the result has the type of `schema`, where that is a literal. */
  agent<const T extends Task<Phase, AdapterId> & { readonly phase: Phase }>(task: T): Promise<AgentResult<DataOf<T>>>;
  /** With the type of the result's `data`, for which the schema is to answer. */
  agent<Data>(task: Task<Phase, AdapterId> & { readonly phase: Phase }): Promise<AgentResult<Data>>;
  /** Gives many tasks to as many workers; resolves when all have ended, in the order of the tasks. */
  fanout<const T extends Task<Phase, AdapterId>>(fanout: {
    readonly id: string;
    readonly phase: Phase;
    readonly tasks: readonly T[];
  }): Promise<readonly AgentResult<DataOf<T>>[]>;
  /** With the type of each result's `data`. */
  fanout<Data>(fanout: {
    readonly id: string;
    readonly phase: Phase;
    readonly tasks: readonly Task<Phase, AdapterId>[];
  }): Promise<readonly AgentResult<Data>[]>;
  /** Applies all of the patches to the project, or none. */
  integrate(patches: {
    readonly id: string;
    readonly phase: Phase;
    readonly patches: readonly { readonly patch: string }[];
  }): Promise<IntegrateResult>;

  /** Stages a claim; the report cites it by its id, and flowdex checks its evidence. */
  claim(claim: Claim): void;
  /** Sets the run's report; the last call counts. `claimIds` in it makes flowdex add `claims`, as verified. */
  report<Report>(report: Report): Report;
}

/** One unit of work for one worker. */
export interface Task<Phase extends string = string, AdapterId extends string = string> {
  /** 1 to 120 of `A-Z a-z 0-9 _ . -`. */
  readonly id: string;
  /** In a fanout, the fanout's own where it is left out. */
  readonly phase?: Phase;
  /** `"write"` gives the worker a private copy of the project's files to change. */
  readonly mode: "read-only" | "write";
  readonly prompt: string;
  readonly role?: string;
  readonly nickname?: string;
  /** One of the manifest's adapters. */
  readonly adapter?: AdapterId;
  readonly model?: string;
  readonly reasoningEffort?: string;
  /** A JSON Schema (2020-12) that the result's `data` must satisfy. */
  readonly schema?: unknown;
  /** How many different results may break the schema before the task ends failed; 3. */
  readonly schemaAttempts?: number;
  /** Handed to the worker as it is. */
  readonly data?: unknown;
  /** 30 where it is left out. */
  readonly leaseMinutes?: number;
  /** How many leases may run out before the task ends failed; 3. */
  readonly maxAttempts?: number;
}

/** The type of `data` for a task: that of its schema, where the schema is a literal; else any JSON. */
export type DataOf<T> = T extends { readonly schema: infer S } ? FromSchema<S> : Json;

/** The values that a JSON Schema lets through, for the keywords that say it in a type; any JSON where none does. */
export type FromSchema<S> = S extends { readonly const: infer C } ? C
  : S extends { readonly enum: readonly (infer E)[] } ? E
  : S extends { readonly anyOf: readonly (infer A)[] } ? FromSchema<A>
  : S extends { readonly oneOf: readonly (infer A)[] } ? FromSchema<A>
  : S extends { readonly type: infer T } ? FromType<S, T>
  : Json;

type FromType<S, T> = T extends "string" ? string
  : T extends "number" | "integer" ? number
  : T extends "boolean" ? boolean
  : T extends "null" ? null
  : T extends "array" ? FromItems<S>
  : T extends "object" ? FromMembers<S>
  : T extends readonly (infer One)[] ? FromType<S, One>
  : Json;

type FromItems<S> = S extends { readonly items: infer I } ? readonly FromSchema<I>[] : readonly Json[];

type FromMembers<S> = S extends { readonly properties: infer P }
  ?
    & { readonly [K in keyof P & Required<S>]: FromSchema<P[K]> }
    & { readonly [K in Exclude<keyof P, Required<S>>]?: FromSchema<P[K]> }
  : { readonly [key: string]: Json };

type Required<S> = S extends { readonly required: readonly (infer R)[] } ? R : never;

/** Exit status other than 0, a signal and a timeout are `failed`; truncated output alone is not. */
export type HostCommandResult =
  | {
    readonly status: "completed" | "failed";
    readonly data: {
      readonly command: readonly string[];
      /** Null where a signal ended the command, or where a crash left its end unknown. */
      readonly exitCode: number | null;
      /** Such as `"SIGKILL"`. */
      readonly signal?: string;
      readonly timedOut: boolean;
      /** A crash left unknown what the command did, and it must not be run twice. */
      readonly indeterminate?: boolean;
      readonly stdoutArtifactId: string;
      readonly stderrArtifactId: string;
      readonly stdoutTruncated: boolean;
      readonly stderrTruncated: boolean;
      readonly maxOutputBytes: number;
      readonly durationMs: number;
    };
  }
  | {
    /** The manifest does not allow such a command: nothing ran. */
    readonly status: "needs-approval";
    readonly data: {
      readonly command: null;
      readonly commandId: string;
      readonly exitCode: null;
      readonly timedOut: false;
      readonly stdoutArtifactId: null;
      readonly stderrArtifactId: null;
      readonly stdoutTruncated: false;
      readonly stderrTruncated: false;
      readonly maxOutputBytes: null;
      readonly durationMs: 0;
    };
  };

/** A worker's envelope as it is delivered: what it claims for itself stands under `flowdex`, untrusted. */
export type AgentResult<Data = Json> =
  /** Only a completed result is held to its task's schema. */
  | AgentEnvelope<"completed", Data>
  | AgentEnvelope<"failed" | "blocked" | "needs-approval", Json>;

export interface AgentEnvelope<Status, Data> {
  readonly status: Status;
  readonly summary: string;
  readonly data: Data;
  readonly claims: readonly [];
  readonly artifacts: readonly [];
  /** For `mode: "write"`, the unified diff that flowdex itself made of the worker's changes. */
  readonly diff: string | null;
  readonly usage: Json;
  readonly error: string | null;
  readonly flowdex: {
    readonly childKey: string;
    readonly attempt: number;
    readonly resultArtifactId: string;
    readonly diffArtifactId?: string;
    readonly schemaArtifactId?: string;
    readonly untrustedClaims: readonly Json[];
    readonly untrustedArtifacts: readonly Json[];
  };
}

export type IntegrateResult =
  | { readonly status: "completed"; readonly applied: number; readonly paths: readonly string[] }
  | { readonly status: "failed"; readonly error: string };

export interface Claim {
  readonly id: string;
  readonly text: string;
  readonly kind: "finding" | "change" | "verification" | "blocker" | "risk";
  readonly confidence: "high" | "medium" | "low";
  readonly evidence: readonly Evidence[];
}

/** What flowdex can check by itself. */
export type Evidence =
  | { readonly type: "command"; readonly artifactId: string; readonly command: readonly string[]; readonly exitCode: number }
  | {
    readonly type: "test";
    readonly artifactId: string;
    readonly command: readonly string[];
    readonly exitCode: number;
    readonly passed?: number;
    readonly failed?: number;
  }
  | {
    readonly type: "fileRange";
    readonly path: string;
    /** From 1. */
    readonly startLine: number;
    /** The last line of the range, itself included. */
    readonly endLine: number;
    /** SHA-256 of the lines' bytes, line feeds included, in lowercase hex. */
    readonly contentHash: string;
  }
  | { readonly type: "diffHunk"; readonly artifactId: string; readonly file: string; readonly hunkHash: string }
  | { readonly type: "schemaValidation"; readonly schema: unknown; readonly artifactId: string; readonly status: string }
  | { readonly type: "agentResult"; readonly childKey?: string; readonly taskId?: string; readonly artifactId: string };
