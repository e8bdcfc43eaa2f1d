// Turns what /jobs answers into what the page shows. No network and no document here.

export interface Job {
  id: number;
  text: string;
  state: string;
  result: string;
}
export interface Run {
  name: string;
  ran_at: string;
  said: string;
}
export interface Snapshot {
  jobs: Job[];
  scheduled: Run[];
}

const escape = (text: string) =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export const rows = (jobs: Job[]): string =>
  jobs
    .map((job) => {
      const cells = [String(job.id), job.text, job.state, job.result];
      return `<tr class="${escape(job.state)}">${cells.map((cell) => `<td>${escape(cell)}</td>`).join("")}</tr>`;
    })
    .join("");

export const scheduled = (runs: Run[]): string =>
  runs.map((run) => `${run.name} ran at ${run.ran_at}: ${run.said}`).join("\n") ||
  "No scheduled task has run yet.";
