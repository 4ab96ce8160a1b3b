// Makes the form answer in place. Without this script it does the same by loading the page again.
const form = document.getElementById("say");
const log = document.getElementById("log");

function bubble(kind, text) {
  const p = document.createElement("p");
  p.className = kind;
  p.textContent = text;
  log.append(p);
  p.scrollIntoView({ block: "end" });
  return p;
}

async function send(text) {
  const body = new URLSearchParams({ text });
  const answer = await fetch(location.pathname, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) throw new Error(page.querySelector("main")?.textContent || "It did not work.");
  log.replaceChildren(...page.getElementById("log").children);
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [area, button] = [form.elements.text, form.querySelector("button")];
  const text = area.value;
  if (button.disabled || !text.trim()) return;
  button.disabled = true;
  area.value = "";
  const shown = [bubble("person", text.trim()), bubble("agent waiting", "…")];
  try {
    await send(text);
  } catch (error) {
    shown.forEach((p) => p.remove());
    bubble("fault", error.message);
    area.value ||= text;
  }
  button.disabled = false;
  area.focus();
  form.scrollIntoView({ block: "end" });
});

form?.elements.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

form?.scrollIntoView({ block: "end" });
