// A Gemini Live service on this machine, and what can go wrong with it.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { createInterface } = require('node:readline');
const { locate } = require('live-sidecar');
const { resource } = require('./resources.cjs');

/** What each button of the panel asks of the simulator, in this order. */
const FAULTS = {
  cut: [{ do: 'cut' }],
  freeze: [{ do: 'freeze', forMs: 3000 }],
  internalError: [{ do: 'close', like: 'internalError' }],
  goAway: [{ do: 'goAway', timeLeft: '9s' }],
  offline: [{ do: 'unreachable', forMs: 6000 }, { do: 'cut' }],
};

/** It ends with this process, however that ends. */
async function startSimulator() {
  const script = resource('conversation.json');
  const child = spawn(locate(), ['simulate', '--script', script, '--quiet', '--until-stdin-closes'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    windowsHide: true,
  });
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The simulator ended with ${code}.`)));
  ended.catch(() => {}); // told once, below
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  const { url, control } = JSON.parse(line);
  return {
    url,
    /** Of the newest session, how much speech has arrived, counted once, and its SHA-256. */
    async heard() {
      const { sessions } = await (await fetch(`${control}/state`)).json();
      return sessions.at(-1)?.audio ?? null;
    },
    async fault(name) {
      if (!Object.hasOwn(FAULTS, name)) throw new Error(`There is no fault ${name}.`);
      for (const fault of FAULTS[name]) {
        const answer = await fetch(`${control}/fault`, { method: 'POST', body: JSON.stringify(fault) });
        if (!answer.ok) throw new Error(await answer.text());
      }
    },
  };
}

module.exports = { startSimulator };
