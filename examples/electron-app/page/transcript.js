// Draws the transcript: what is new or has changed, and nothing else. Each text is announced once, when it is whole.

const WHO = { user: 'You', model: 'Gemini', note: 'Note' };
const HOW = { open: '', done: '', interrupted: 'You spoke over it', cut: 'Cut off by the line' };

/** The entry that each item shows. */
const drawn = new WeakMap();

export function drawEntries(list, announcer, entries) {
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  let hasChanged = false;
  entries.forEach((entry, index) => {
    const item = list.children[index] ?? list.appendChild(newItem());
    const before = drawn.get(item);
    if (before === entry) return;
    drawn.set(item, entry);
    hasChanged = true;
    const [who, words, how] = item.children;
    Object.assign(item.dataset, { side: entry.side, status: entry.status });
    who.textContent = WHO[entry.side];
    words.textContent = entry.text;
    how.textContent = HOW[entry.status];
    const isOver = ({ status }) => status !== 'open';
    if (isOver(entry) && !(before && isOver(before))) announce(announcer, `${WHO[entry.side]}: ${entry.text} ${HOW[entry.status]}`);
  });
  if (hasChanged && isAtEnd) list.scrollTop = list.scrollHeight;
}

function newItem() {
  const item = document.createElement('li');
  item.className = 'entry';
  for (const part of ['who', 'words', 'how']) item.appendChild(document.createElement('span')).className = part;
  return item;
}

function announce(announcer, text) {
  const line = document.createElement('p');
  line.textContent = text;
  announcer.append(line);
  while (announcer.children.length > 20) announcer.firstChild.remove();
}
