// Who is at the other end, and who may answer for the person: with real processes.
import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { processStart } from "../../../src/lib/process.ts";
import { hasTmux, Tmux } from "../../claude-code/terminal.ts";
import { answerIn, question, startAgent, type } from "../../support/asking.ts";
import { tokenFor } from "../../support/callers.ts";
import { tempFolder } from "../../support/folder.ts";
import { startProofBus } from "../../support/proof_bus.ts";

const here = process.platform === "linux";
if (!here) console.log("skipped: processes at the other end, not Linux");

const bus = await startProofBus("0.0.0.0");

describe.skipIf(!here)("who is at the other end", () => {
  const AGENT = "Agents may not answer for their user.";

  async function asked(run: (command: string) => void, more = "", process?: string) {
    const { command, answer } = question(bus.proof, more, process);
    run(command);
    return answer();
  }

  describe("a person in a terminal may answer", () => {
    test("by a command that names itself", async () => {
      const { process: found, refused } = await asked(type);
      expect(refused).toBeNull();
      expect(found?.line.length).toBeGreaterThan(1);
      expect(found).not.toHaveProperty("mark");
    });

    test("but not by a request that proves no terminal", async () => {
      const { refused } = await asked(type, "", "");
      expect(refused?.reason).toStartWith("Only the user may answer.");
    });

    test("but not by the Unix socket, which tells nobody's process", async () => {
      const { process: found, refused } = await asked(type, `--unix-socket ${bus.socket}`);
      expect(found).toEqual({ line: [], unseen: "hidden" });
      expect(refused?.reason).toContain("could not see");
    });

    test("but not where nobody looks who asks", async () => {
      const { command, answer } = question(bus.unproved);
      type(command);
      const { process: found, refused } = await answer();
      expect([found, refused?.reason]).toEqual([undefined, expect.stringContaining("could not see")]);
    });
  });

  describe("a registered session's process may not", () => {
    const ways: [how: string, (command: string) => string][] = [
      ["as it is", (command) => command],
      ["without its marks", (command) => `env -u CLAUDECODE ${command}`],
      ["with an empty environment", (command) => `exec env -i PATH=$PATH ${command}`],
      ["in a session of its own", (command) => `setsid --wait env -i PATH=$PATH ${command}`],
      ["in a terminal of its own", (command) => `env -i PATH=$PATH script -qc ${command} /dev/null`],
      ["deaf to hangups", (command) => `env -i PATH=$PATH nohup ${command}`],
      ["in the background", (command) => `env -i PATH=$PATH ${command} & wait`],
    ];
    test.each(ways)("%s", async (_, way) => {
      const agent = startAgent({ CLAUDECODE: "1" });
      const id = await agent.register(bus);
      const { process: found, refused } = await asked((command) => agent.run(way(command)));
      expect(found?.line).toContain(agent.pid);
      expect(refused).toMatchObject({ by: `The session ${id} (r)`, reason: expect.stringContaining(AGENT) });
    });

    test("after it has ended its own session", async () => {
      const agent = startAgent();
      const session_id = await agent.register(bus);
      await bus.call("unregister_session", { session_id });
      const terminal = (command: string) => agent.run(`script -qc ${command} /dev/null`);
      expect((await asked(terminal)).refused?.culprit).toBe(session_id);
    });

    test("in the name of the person's process", async () => {
      const agent = startAgent();
      const session_id = await agent.register(bus);
      const { command, answer } = question(bus.proof);
      type(`${command}; exec sleep 60`);
      const [person] = (await answer()).process?.line.slice(1) ?? [];
      const forged = (command: string) => agent.run(`script -qc ${command} /dev/null`);
      expect((await asked(forged, "", String(person))).refused?.culprit).toBe(session_id);
    });

    test("with a token of the scope answer", async () => {
      const more = `-H 'authorization: Bearer ${tokenFor(bus.db, "stolen", "answer")}'`;
      const agent = startAgent();
      const session_id = await agent.register(bus);
      expect((await asked(agent.run, more)).refused?.culprit).toBe(session_id);
      const proxied = `${more} -H 'x-forwarded-for: 203.0.113.9'`;
      expect((await asked(agent.run, proxied)).refused?.culprit).toBe(session_id);
      expect((await asked(type, more)).refused).toBeNull();
      expect((await asked(type, `-H 'authorization: Bearer ${tokenFor(bus.db, "whole")}'`)).refused?.by).toBe(
        "The token whole",
      );
    });

    test("by the address that other machines use", async () => {
      const all = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
      const own = all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
      if (own === undefined) return console.log("skipped: by another address, this machine has none");
      const secret = tokenFor(bus.db, "outside", "answer");
      const url = bus.proof.replace("127.0.0.1", own);
      const { command, answer } = question(url, `-H 'authorization: Bearer ${secret}'`);
      const agent = startAgent();
      const session_id = await agent.register(bus);
      agent.run(command);
      expect((await answer()).refused?.culprit).toBe(session_id);
    });
  });

  describe("a process with an agent's mark may not", () => {
    test.each(["CLAUDECODE", "CODEX_SANDBOX", "AI_AGENT"])("%s in its environment", async (mark) => {
      const { process: found, refused } = await asked((command) => type(command, { [mark]: "" }));
      expect([found?.mark, refused?.by]).toEqual([mark, `An agent (${mark})`]);
    });

    const ways: [how: string, (command: string) => string][] = [
      ["whose parent has one", (command) => `exec env -u CLAUDECODE ${command}`],
      ["whose parents are gone", (command) => `(setsid ${command} &)`],
      ["in a terminal, whose parents are gone", (command) => `(setsid script -qc ${command} /dev/null &)`],
    ];
    test.each(ways)("%s", async (_, way) => {
      const agent = startAgent({ CLAUDECODE: "1" });
      const { process: found } = await asked((command) => agent.run(way(command)));
      expect(found?.mark).toBe("CLAUDECODE");
    });

    test("that an agent's program started, by the name of the program", async () => {
      const folder = tempFolder();
      const { command, answer } = question(bus.proof);
      writeFileSync(join(folder, "claude"), `#!/bin/bash\n${command}\nexit\n`, { mode: 0o755 });
      type(join(folder, "claude"));
      expect((await answer()).process?.mark).toBe("claude");
    });
  });

  describe.skipIf(!hasTmux)("tmux", () => {
    function aTmux(): Tmux {
      const tmux = new Tmux(tempFolder());
      afterAll(() => tmux.end());
      return tmux;
    }

    test("a pane of the person's server may answer, an agent's in the next pane may not", async () => {
      const tmux = aTmux();
      tmux.run("new-session", "-d", "-s", "work", "sleep 60");
      const opened = (command: string) => tmux.run("new-window", "-d", "-t", "work", `${command}; sleep 60`);
      expect((await asked(opened)).refused).toBeNull();
      const pane = ["-d", "-P", "-F", "#{pane_pid}", "-t", "work"];
      const pid = Number(tmux.run("new-window", ...pane, "sleep 60"));
      await bus.call("start_session", {
        ...{ client_id: `tmux-${pid}`, name: "in-tmux", cwd: "/tmp", repo: "r" },
        ...{ pid, pid_started: processStart(pid) },
      });
      expect((await asked(opened)).refused).toBeNull();
    });

    test("no pane of a server that an agent started may", async () => {
      const folder = tempFolder();
      const agent = startAgent({ CLAUDECODE: "1" });
      const { command, answer } = question(bus.proof);
      agent.run(`tmux -f /dev/null -S ${folder}/tmux new-session -d '${command}; sleep 60'`);
      afterAll(() => Bun.spawnSync(["tmux", "-S", `${folder}/tmux`, "kill-server"]));
      const { process: found, refused } = await answer();
      expect(found?.mark).toBe("CLAUDECODE");
      expect(refused?.reason).toContain(AGENT);
    });
  });

  test("the user is told of one culprit's attempts once a minute, with their number", async () => {
    const agent = startAgent();
    const id = await agent.register(bus);
    for (let i = 0; i < 3; i++) await asked(agent.run);
    const told = async () => {
      const { events } = await bus.call("get_events", { event_types: ["answer_refused"], limit: 50 });
      return events.filter(({ payload }: { payload: string }) => payload.includes(id));
    };
    const sentence = `The session ${id} (r) tried to answer for you, and was refused: answer 7 allow.`;
    expect(await told()).toMatchObject([{ payload: sentence, channel: "session:human", origin: "bus" }]);
    bus.now.ms += 60_000;
    await asked(agent.run);
    const [second, first, ...more] = await told();
    expect([first.payload, more]).toEqual([sentence, []]);
    expect(second.payload).toBe(`${sentence} There were 2 further attempts before.`);
  });

  test("all who hold the connection count: a child that left its parents, and a process that was given it", async () => {
    const folder = tempFolder();
    const request = `POST /proof HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\nconnection: close\\r\\ncontent-type: application/json\\r\\ncontent-length: 2\\r\\n\\r\\n{}`;
    const port = new URL(bus.proof).port;
    const body = `
import os, socket, sys
bus = socket.create_connection(("127.0.0.1", ${port}))
def ask(file):
    bus.sendall(b"${request}")
    text = b""
    while (piece := bus.recv(65536)): text += piece
    open(file, "wb").write(text.split(b"\\r\\n\\r\\n", 1)[1])
    os._exit(0)
`;
    const forked = join(folder, "forked.py");
    writeFileSync(
      forked,
      `${body}
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0: os._exit(0)
    ask("${folder}/forked")
import time; time.sleep(20)
`,
    );
    const given = join(folder, "given.py");
    writeFileSync(
      given,
      `${body}
at = socket.socket(socket.AF_UNIX)
at.connect("${folder}/hand")
socket.send_fds(at, [b"x"], [bus.fileno()])
import time; time.sleep(20)
`,
    );
    const taker = join(folder, "taker.py");
    writeFileSync(
      taker,
      `
import os, socket
at = socket.socket(socket.AF_UNIX)
at.bind("${folder}/hand"); at.listen()
open("${folder}/ready", "w").write("{}")
one, _ = at.accept()
_, [fd], _, _ = socket.recv_fds(one, 1, 1)
bus = socket.socket(fileno=fd)
bus.sendall(b"${request}".replace(b"host:", b"agent-event-bus-process: %d\\r\\nhost:" % os.getpid()))
text = b""
while (piece := bus.recv(65536)): text += piece
open("${folder}/given", "wb").write(text.split(b"\\r\\n\\r\\n", 1)[1])
`,
    );
    const agent = startAgent();
    const session_id = await agent.register(bus);
    type(`python3 ${taker}`);
    await answerIn(`${folder}/ready`);
    agent.run(`python3 ${forked} & python3 ${given} & wait`);
    for (const way of ["forked", "given"])
      expect([way, (await answerIn(join(folder, way))).refused?.culprit]).toEqual([way, session_id]);
  });
});
