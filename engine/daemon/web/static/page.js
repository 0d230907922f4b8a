"use strict";

const TEXTS = {
  en: {
    title: "Flow monitoring", token: "Token", use: "Use", forget: "Forget", launch: "Launch",
    tokenHelp: "Access token (kept until this tab closes)", allFlows: "all flows",
    allStates: "all states", run: "Run", state: "State", began: "Began", took: "Took",
    empty: "No run yet. Launch one above, or with: engine run full_flow", more: "Older runs",
    cancel: "Cancel", live: "live", lost: "no connection; trying again", model: "model (as configured)",
    epochs: "epochs", started: "launched",
    needsToken: "This needs a token: press Token, and paste one.",
    sure: "Cancel this run?", waiting: "waits",
  },
  ko: {
    title: "플로우 모니터링", token: "토큰", use: "사용", forget: "삭제", launch: "실행",
    tokenHelp: "접근 토큰 (탭을 닫을 때까지 보관)", allFlows: "모든 플로우",
    allStates: "모든 상태", run: "실행", state: "상태", began: "시작", took: "소요",
    empty: "아직 실행이 없습니다. 위에서 실행하거나: engine run full_flow", more: "이전 실행",
    cancel: "취소", live: "실시간", lost: "연결 끊김, 다시 시도 중", model: "모델 (설정대로)",
    epochs: "에폭", started: "실행했습니다",
    needsToken: "토큰이 필요합니다: 토큰 버튼을 눌러 붙여 넣으세요.",
    sure: "이 실행을 취소할까요?", waiting: "대기",
  },
};
const COLOURS = {
  COMPLETED: "#2e9d5b", RUNNING: "#2f7fd1", CANCELLING: "#d18a2f", FAILED: "#d13b3b",
  CRASHED: "#a3259c", CANCELLED: "#8a8f98", PENDING: "#c9a400",
};
const OPEN = new Set(["PENDING", "RUNNING", "CANCELLING"]);
const PAGE = 40;
const LEAST_PAUSE = 700;
const POLL = 5000;

const at = (id) => document.getElementById(id);
const remember = (key, value) => {
  try { localStorage.setItem(key, value); } catch { /* a private window remembers nothing */ }
};
const recall = (key) => {
  try { return localStorage.getItem(key); } catch { return null; }
};

let language = recall("language") || (navigator.language.startsWith("ko") ? "ko" : "en");
let limit = PAGE;
let opened = new Set();
let shown = { flow_info: [], graph: [], layout: {} };
let lastLoad = 0;
let planned = null;

const text = (name) => TEXTS[language][name];

function speak() {
  document.documentElement.lang = language;
  document.title = text("title");
  for (const part of document.querySelectorAll("[data-text]")) part.textContent = text(part.dataset.text);
  for (const part of document.querySelectorAll("[data-placeholder]")) {
    part.placeholder = text(part.dataset.placeholder);
  }
  at("language").textContent = language === "en" ? "한국어" : "English";
}

function paint() {
  const wanted = recall("theme");
  const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", dark);
}

function say(message, bad) {
  at("message").textContent = message;
  at("message").hidden = !message;
  at("message").classList.toggle("bad", Boolean(bad));
}

function headers() {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function ask(method, path, body) {
  const options = { method, headers: headers(), cache: "no-store" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const told = await answer.json();
  if (!answer.ok) throw new Error(answer.status === 401 ? text("needsToken") : told.message);
  return { told, link: answer.headers.get("Link") };
}

async function load() {
  lastLoad = Date.now();
  const query = new URLSearchParams({ limit: String(limit) });
  if (at("only-flow").value) query.set("flow_type", at("only-flow").value);
  if (at("only-state").value) query.set("state", at("only-state").value);
  try {
    const { told, link } = await ask("GET", `api/flow-monitoring-data?${query}`);
    shown = told;
    at("more").hidden = !link;
    draw();
    return true;
  } catch (error) {
    say(error.message, true);
    return false;
  }
}

function soon() {
  if (planned !== null) return;
  const pause = Math.max(0, lastLoad + LEAST_PAUSE - Date.now());
  planned = setTimeout(() => { planned = null; load(); }, pause);
}

function draw() {
  drawChart();
  drawRows();
}

function drawChart() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim();
  const line = style.getPropertyValue("--line").trim();
  const narrow = innerWidth < 900;
  const rows = shown.graph.length / 2;
  const graph = shown.graph.map((trace) => ({
    ...trace,
    marker: { ...trace.marker, size: trace.mode === "lines+markers" ? 11 : 1 },
    line: trace.line && { ...trace.line, width: 11 },
    text: trace.mode === "markers+text" ? trace.text.map((state) => `  ${state}`) : trace.text,
    textfont: { size: 11 },
    cliponaxis: false,
    showlegend: false,
  }));
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12 },
    height: Math.max(220, 80 + rows * 34),
    margin: { l: 10, r: 96, t: 30, b: 36 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: style.getPropertyValue("--soft").trim() },
    xaxis: { type: "date", range: shown.layout.xaxis && shown.layout.xaxis.range, gridcolor: line,
      tickangle: 0, nticks: narrow ? 3 : 8 },
    yaxis: { automargin: true, gridcolor: line, tickfont: { size: narrow ? 9 : 11 }, fixedrange: true },
    hoverlabel: { align: "left" },
    uirevision: "stays",
  };
  Plotly.react("chart", graph, layout, { responsive: true, displaylogo: false, displayModeBar: !narrow });
}

function drawRows() {
  const body = document.createDocumentFragment();
  for (const flow of shown.flow_info) {
    body.append(runRow(flow));
    if (opened.has(flow.flow_id)) for (const task of flow.tasks) body.append(taskRow(task));
  }
  at("rows").replaceChildren(body);
  at("empty").hidden = shown.flow_info.length > 0;
}

function cell(content, kind) {
  const made = document.createElement("td");
  if (kind) made.className = kind;
  if (content instanceof Node) made.append(content);
  else made.textContent = content;
  return made;
}

function runRow(flow) {
  const row = document.createElement("tr");
  row.className = "run";
  row.dataset.id = flow.flow_id;
  const name = cell(flow.flow_run_name, "name");
  const kind = document.createElement("small");
  kind.textContent = flow.flow_name;
  name.append(kind);
  name.title = flow.flow_id;
  row.append(name, cell(stateOf(flow.state)), cell(timeOf(flow.start_time)), cell(tookOf(flow)));
  row.append(cell(OPEN.has(flow.state) ? cancelButton(flow) : ""));
  row.addEventListener("click", () => {
    if (!opened.delete(flow.flow_id)) opened.add(flow.flow_id);
    drawRows();
  });
  return row;
}

function taskRow(task) {
  const row = document.createElement("tr");
  row.className = "task";
  row.append(cell(task.task_name), cell(stateOf(task.state)), cell(timeOf(task.start_time)));
  row.append(cell(tookOf(task)), cell(""));
  return row;
}

function stateOf(state) {
  const made = document.createElement("span");
  made.className = "state";
  made.style.setProperty("--of", COLOURS[state] || "#8a8f98");
  made.textContent = state;
  return made;
}

// The server tells times in the zone that is configured: shown as they are written.
const timeOf = (moment) => (moment ? moment.slice(5, 19).replace("T", " ") : text("waiting"));

function tookOf(part) {
  if (!part.start_time) return "";
  const end = part.end_time ? Date.parse(part.end_time) : Date.now();
  const seconds = Math.max(0, (end - Date.parse(part.start_time)) / 1000);
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} m ${Math.round(seconds % 60)} s` : `${(minutes / 60).toFixed(1)} h`;
}

function cancelButton(flow) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = text("cancel");
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    if (!confirm(`${text("sure")} ${flow.flow_run_name}`)) return;
    try {
      await ask("POST", `api/v1/runs/${flow.flow_id}/cancel`, {});
      soon();
    } catch (error) { say(error.message, true); }
  });
  return button;
}

async function launch(event) {
  event.preventDefault();
  const asked = {};
  if (at("model").value) asked.model_type = at("model").value;
  if (at("epochs").value) asked.epochs = Number(at("epochs").value);
  try {
    const { told } = await ask("POST", `api/run_flow/${at("flow").value}`, asked);
    say(`${at("flow").value} ${text("started")} (${told.flow_run_id.slice(0, 8)})`);
    soon();
  } catch (error) { say(error.message, true); }
}

async function listen() {
  // A stream by fetch: EventSource cannot send a token.
  try {
    const answer = await fetch("api/v1/events", { headers: headers(), cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    at("live").classList.add("on");
    at("live").textContent = text("live");
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      if (value.includes("data:")) soon();
    }
  } catch { /* said below */ }
  at("live").classList.remove("on");
  at("live").textContent = text("lost");
  setTimeout(listen, 2000);
}

at("launch").addEventListener("submit", launch);
at("only-flow").addEventListener("change", load);
at("only-state").addEventListener("change", load);
at("more").addEventListener("click", () => { limit = Math.min(1000, limit * 2); load(); });
at("language").addEventListener("click", () => {
  language = language === "en" ? "ko" : "en";
  remember("language", language);
  speak();
  draw();
});
at("theme").addEventListener("click", () => {
  remember("theme", document.documentElement.classList.contains("dark") ? "light" : "dark");
  paint();
  draw();
});
at("key").addEventListener("click", () => {
  at("token-form").hidden = !at("token-form").hidden;
  at("key").setAttribute("aria-expanded", String(!at("token-form").hidden));
  if (!at("token-form").hidden) at("token").focus();
});
at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", at("token").value.trim());
  at("token").value = "";
  at("token-form").hidden = true;
  say("");
  load();
});
at("forget").addEventListener("click", () => {
  sessionStorage.removeItem("token");
  at("token-form").hidden = true;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paint(); draw(); });
let resized = null;
addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(drawChart, 150); });
// Runs that go on grow while nothing is told of them.
setInterval(() => { if (shown.flow_info.some((flow) => OPEN.has(flow.state))) soon(); }, POLL);

speak();
paint();
load();
listen();
