// The form works without this script. The script shows the steps of a claim as they happen, and copies
// the invite link.

const form = document.getElementById('claim');
const copy = document.getElementById('copy');

/** The server-sent events of a response. */
async function* events(response) {
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const whole = text.split('\n\n');
    text = whole.pop();
    for (const block of whole) {
      const fields = Object.fromEntries(block.split('\n').map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
      }));
      if (fields.event) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

function show(step, state) {
  const item = document.querySelector(`[data-step="${step}"]`);
  if (item) item.dataset.state = state;
  return item;
}

function begin() {
  document.getElementById('failure').hidden = true;
  document.getElementById('progress').hidden = false;
  document.getElementById('progress-note').textContent = 'Looking for an idle instance…';
  form.hidden = true;
  document.getElementById('progress').focus();
  for (const item of document.querySelectorAll('[data-step]')) delete item.dataset.state;
  show('taken', 'now');
}

function fail(problem) {
  document.getElementById('progress').hidden = true;
  document.getElementById('failure').hidden = false;
  const text = problem.detail.charAt(0).toUpperCase() + problem.detail.slice(1);
  document.getElementById('failure-text').textContent = `${text}.`;
  document.getElementById('wait').hidden = problem.code !== 'no_idle_instance';
  form.hidden = false;
  document.getElementById('failure').focus();
}

function handle({ name, data }) {
  const note = document.getElementById('progress-note');
  if (name === 'waiting') {
    note.textContent = data.position === 1
      ? 'No instance is idle. You are next in the queue.'
      : `No instance is idle. Your position in the queue: ${data.position}.`;
  } else if (name === 'step') {
    note.textContent = `Instance ${data.instanceId}`;
    const next = show(data.step, 'done')?.nextElementSibling;
    if (next) next.dataset.state = 'now';
  } else if (name === 'result') {
    location.assign(`/instances/${data.instanceId}/invite`);
  } else if (name === 'pending') {
    location.assign(`/instances/${data.instanceId}`);
  } else if (name === 'error') {
    fail(data);
  }
}

async function claim() {
  const body = new URLSearchParams(new FormData(form));
  begin();
  let last = '';
  try {
    const response = await fetch(form.dataset.stream, { method: 'POST', body });
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      for await (const event of events(response)) {
        last = event.name;
        handle(event);
      }
    }
  } catch {
    // Handled below.
  }
  // Without a result, submit the plain form, which shows the problem. It has the same idempotency key, so
  // nothing is claimed twice.
  if (!['result', 'pending', 'error'].includes(last)) form.submit();
}

if (form) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    claim();
  });
  document.getElementById('wait').addEventListener('click', () => {
    form.elements.wait.checked = true;
    claim();
  });
}

if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener('click', async () => {
    const link = document.getElementById(copy.dataset.copies);
    const copied = document.getElementById('copied');
    try {
      await navigator.clipboard.writeText(link.value);
      copied.textContent = 'Copied.';
    } catch {
      link.select();
      copied.textContent = 'Selected. Press Ctrl+C to copy.';
    }
  });
}
