import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

/** The repository's root, seen from dist/tests. */
export const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Flags for a repository of tensor models to load from. */
export const repository = ["--model-repository", `${root}testdata/models`, "--model-control-mode", "explicit"];

/** `bedside serve` with the default model, as a process. */
export class Server {
  private constructor(
    private readonly process: ChildProcess,
    readonly address: string,
  ) {}

  /** Returns when the server is ready. `listen` says where, else at any free port. */
  static async start(flags: readonly string[] = [], listen = "127.0.0.1:0"): Promise<Server> {
    const binary = process.env["BEDSIDE_BINARY"] ?? `${root}bin/bedside`;
    const child = spawn(binary, ["serve", "--listen", listen, "--http-listen", "", "--log-level", "warn", ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
    await once(child, "spawn"); // rejects where there is no such binary: scripts/test_clients.sh builds it
    for await (const line of createInterface(child.stdout)) {
      const address = /^\s*gRPC\s+(\S+)/.exec(line)?.[1];
      if (address !== undefined) {
        child.stdout.resume();
        return new Server(child, address);
      }
    }
    throw new Error(`the server ended before it was ready:\n${log}`);
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return;
    }
    const ended = once(this.process, "exit");
    this.process.kill(signal);
    await ended;
  }
}
