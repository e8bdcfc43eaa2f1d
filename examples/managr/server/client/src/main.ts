// Keeps the page's jobs current, and queues new ones without leaving it.
import "./main.css";
import { type Snapshot, rows, scheduled } from "./render";

const table = document.querySelector<HTMLElement>("#jobs")!;
const note = document.querySelector<HTMLElement>("#scheduled")!;
const form = document.querySelector<HTMLFormElement>("#queue")!;

async function refresh(): Promise<void> {
  const answer = await fetch("/jobs");
  if (!answer.ok) return;
  const snapshot = (await answer.json()) as Snapshot;
  table.innerHTML = rows(snapshot.jobs.slice(0, 10));
  note.textContent = scheduled(snapshot.scheduled);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await fetch("/jobs", { method: "POST", body: new FormData(form) });
  await refresh();
});

setInterval(refresh, 1000);
