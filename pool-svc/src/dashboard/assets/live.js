// The pages work without this script. It saves the reload: a page that says it is live is loaded again
// behind the scenes when the server tells of a change, and its parts are put in place.

const state = document.querySelector('[data-live]');

/** Puts the parts of a fresh copy of this page in place of those that differ. */
function place(fresh) {
  for (const part of document.querySelectorAll('[data-part]')) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!other || other.innerHTML === part.innerHTML) continue;
    const focus = part.contains(document.activeElement) ? document.activeElement : null;
    const open = [...part.querySelectorAll('details[open]')].map((it) => it.id);
    part.replaceChildren(...other.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute('open', '');
    // Who was at a link stays there, if it is still there.
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
      if (response.ok) place(new DOMParser().parseFromString(await response.text(), 'text/html'));
    }
  } catch {
    // The server is away; the stream of news says so, and brings the page up to date afterwards.
  } finally {
    loading = false;
  }
}

function say(word, text) {
  if (state.dataset.state === word) return;
  state.dataset.state = word;
  state.textContent = text;
  state.hidden = false;
}

function follow() {
  let news = null;
  let version = null;
  let again = null;

  function listen() {
    clearTimeout(again);
    if (document.hidden || news) return;
    news = new EventSource('/live');
    news.addEventListener('version', (event) => {
      say('on', 'live');
      if (version !== null && version !== event.data) refresh();
      version = event.data;
    });
    news.addEventListener('error', () => {
      say('off', 'not up to date, connecting again');
      // A browser gives up for good where it is refused, such as by a proxy.
      if (news?.readyState === EventSource.CLOSED) {
        hush();
        again = setTimeout(listen, 3000);
      }
    });
  }

  // A page that nobody sees needs no news, and browsers have few connections for each site.
  function hush() {
    news?.close();
    news = null;
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? hush() : listen()));
  window.addEventListener('pagehide', hush);
  window.addEventListener('pageshow', listen);
  // Ages grow without any change.
  setInterval(() => { if (!document.hidden && news) refresh(); }, Number(state.dataset.live) * 1000);
  listen();
}

if (state) follow();
