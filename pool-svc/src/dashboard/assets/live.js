// The pages work without this script. It reloads a live page in the background when the server reports a
// change, and replaces the parts that differ.

const state = document.querySelector('[data-live]');

/** Replaces the parts of this page that differ from a fresh copy. */
function replaceParts(fresh) {
  for (const part of document.querySelectorAll('[data-part]')) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!other || other.innerHTML === part.innerHTML) continue;
    const focus = part.contains(document.activeElement) ? document.activeElement : null;
    const open = [...part.querySelectorAll('details[open]')].map((it) => it.id);
    part.replaceChildren(...other.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute('open', '');
    // Keep the keyboard focus on the same link or field.
    const href = focus?.getAttribute('href');
    const again = focus?.id ? document.getElementById(focus.id)
      : href && [...part.querySelectorAll('a')].find((it) => it.getAttribute('href') === href);
    again?.focus({ preventScroll: true });
  }
}

let loading = false;
let changed = false;

async function refresh() {
  changed = true;
  if (loading) return;
  loading = true;
  try {
    while (changed) {
      changed = false;
      const response = await fetch(location.href, { headers: { accept: 'text/html' } });
      if (response.redirected) return location.assign(response.url);
      if (response.ok) replaceParts(new DOMParser().parseFromString(await response.text(), 'text/html'));
    }
  } catch {
    // The server is unavailable. The stream shows that, and refreshes the page when it is back.
  } finally {
    loading = false;
  }
}

function show(word, text) {
  if (state.dataset.state === word) return;
  state.dataset.state = word;
  state.textContent = text;
  state.hidden = false;
}

function follow() {
  let stream = null;
  let version = null;
  let again = null;

  function listen() {
    clearTimeout(again);
    if (document.hidden || stream) return;
    stream = new EventSource('/live');
    stream.addEventListener('version', (event) => {
      show('on', 'live');
      if (version !== null && version !== event.data) refresh();
      version = event.data;
    });
    stream.addEventListener('error', () => {
      show('off', 'disconnected, reconnecting');
      // A browser does not reconnect after an error status, for example from a proxy.
      if (stream?.readyState === EventSource.CLOSED) {
        stop();
        again = setTimeout(listen, 3000);
      }
    });
  }

  // A hidden page needs no stream, and browsers allow few connections for each site.
  function stop() {
    stream?.close();
    stream = null;
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? stop() : listen()));
  window.addEventListener('pagehide', stop);
  window.addEventListener('pageshow', listen);
  // Displayed ages change even if nothing else does.
  setInterval(() => { if (!document.hidden && stream) refresh(); }, Number(state.dataset.live) * 1000);
  listen();
}

if (state) follow();
