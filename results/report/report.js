"use strict";
(() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const $ = (id) => document.getElementById(id);
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F",
    "#B8860B", "#2F4F4F"];
  const OUTCOMES = ["not asked", "right", "overkill", "escape"];
  const OUTCOME_COLOURS = ["#9aa0a6", "#56B4E9", "#E69F00", "#D55E00"];
  const BEST_OF_KIND = -1, ALL = -2;
  const state = { front: BEST_OF_KIND, sort: data.ranking, down: true, filter: "" };
  window.report = { ready: false, drawMs: null, selected: [] };

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const decode = (text, type) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return type === 2 ? new Uint16Array(bytes.buffer) : bytes;
  };
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const layout = (more = {}) => {
    const axis = { gridcolor: style("--line"), zerolinecolor: style("--line"), linecolor: style("--line"),
      automargin: true };
    return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: style("--text"),
      size: 12 }, margin: { l: 55, r: 12, t: 34, b: 45 }, hovermode: "closest", showlegend: false, ...more,
      xaxis: { ...axis, ...(more.xaxis || {}) }, yaxis: { ...axis, ...(more.yaxis || {}) } };
  };
  const CONFIG = { responsive: true, displaylogo: false };

  // ---- leaderboard
  const isText = (column) => column.unit === "text";
  const show = (column, value) => {
    if (value === null || value === undefined) return "";
    if (isText(column)) return value;
    if (column.unit === "%") return (100 * value).toFixed(column.digits) + "%";
    if (column.unit === "count" || column.digits === 0) return Math.round(value).toLocaleString("en");
    return value.toFixed(column.digits);
  };
  const cell = (row, column) => {
    const { key } = column;
    const td = make("td", { className: isText(column) ? key : "number" });
    td.textContent = show(column, row[key]);
    const low = row[key + "_low"], high = row[key + "_high"];
    if (row[key] !== null && low !== undefined && low !== null)
      td.append(" ", make("small", { textContent: `${show(column, low)} – ${show(column, high)}` }));
    return td;
  };
  const order = () => {
    const { sort, down } = state;
    return data.board.map((row, index) => ({ row, index })).filter(({ row }) => {
      const text = data.columns.map(({ key }) => row[key]).join(" ").toLowerCase();
      return state.filter.split(/\s+/).every((word) => text.includes(word));
    }).sort((a, b) => {
      // Rows that were not run, or that find no defect, are last whichever way the others are sorted.
      if (a.row.last !== b.row.last) return a.row.last - b.row.last;
      const x = a.row[sort], y = b.row[sort];
      if (x === null || x === undefined) return y === null || y === undefined ? 0 : 1;
      if (y === null || y === undefined) return -1;
      const way = typeof x === "string" ? x.localeCompare(y) : x - y;
      return down ? -way : way;
    });
  };
  const drawBoard = () => {
    const head = make("tr");
    for (const column of data.columns) {
      const button = make("button", { type: "button", textContent: column.title });
      button.addEventListener("click", () => {
        if (state.sort === column.key) state.down = !state.down;
        else Object.assign(state, { sort: column.key,
          down: column.higherIsBetter === true });
        drawBoard();
        [...$("board").querySelectorAll("th button")].find((b) => b.textContent === column.title)?.focus();
      });
      const th = make("th", { scope: "col" }, button);
      if (state.sort === column.key) th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      head.append(th);
    }
    const body = make("tbody");
    const rows = order();
    for (const { row, index } of rows) {
      const tr = make("tr", { tabIndex: 0 }, ...data.columns.map((column) => cell(row, column)));
      tr.classList.toggle("best", row.best === true);
      tr.classList.toggle("front", index === state.front);
      tr.addEventListener("click", () => bringForward(index));
      tr.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); bringForward(index); }
      });
      body.append(tr);
    }
    $("board").replaceChildren(make("thead", {}, head), body);
    $("shown").textContent = `${rows.length} of ${data.board.length} rows`;
  };
  $("filter").addEventListener("input", (event) => {
    state.filter = event.target.value.trim().toLowerCase();
    drawBoard();
  });
  $("best-note").textContent = data.bestNote.replace("bold", "shaded");

  // ---- linked plots
  const drawn = data.models.map((model, index) => ({ ...model, index })).filter((m) => m.curves.roc);
  const inFront = (model) => (state.front >= 0 ? model.index === state.front : state.front === ALL || model.leads);
  // As many different colours as rows; the best of each kind keep theirs in every view.
  const leads = drawn.filter((model) => model.leads);
  const colour = (model) => {
    const place = leads.indexOf(model);
    if (place >= 0) return COLOURS[place];
    return `hsl(${Math.round((360 * model.index) / data.models.length)} 65% 50%)`;
  };
  const drawKey = () => {
    const named = drawn.filter(inFront);
    $("key").replaceChildren(...named.map((model) => {
      const swatch = make("i");
      swatch.style.background = colour(model);
      return make("li", {}, swatch, state.front === BEST_OF_KIND ? `${model.kind}: ${model.name}` : model.name);
    }));
  };
  const lines = (kind) => {
    const ordered = [...drawn].sort((a, b) => inFront(a) - inFront(b));
    return ordered.map((model) => {
      const front = inFront(model);
      return { x: model.curves[kind][0], y: model.curves[kind][1], mode: "lines", type: "scatter",
        name: model.name.replace(/</g, "&lt;"), customdata: model.curves[kind][0].map(() => model.index),
        opacity: front ? 1 : 0.3,
        line: { width: model.index === state.front ? 3.2 : front ? 2 : 1.2,
          color: front ? colour(model) : style("--grey") },
        hovertemplate: "%{fullData.name}<br>%{x:.3f}, %{y:.3f}<extra></extra>" };
    });
  };
  const plot = (id, traces, more) => Plotly.react(id, traces, layout(more), CONFIG).then((element) => {
    if (!element.dataset.linked) {
      element.dataset.linked = "yes";
      element.on("plotly_click", (event) => bringForward(event.points[0].customdata));
    }
  });
  const drawPlots = () => {
    drawKey();
    plot("plot-roc", lines("roc"), { xaxis: { title: { text: "overkill" }, range: [-0.01, 1] },
      yaxis: { title: { text: "defects found" }, range: [0.7, 1.005] } });
    plot("plot-oe", lines("oe"), { xaxis: { title: { text: "overkill" }, type: "log", dtick: "D2" },
      yaxis: { title: { text: "escapes" }, type: "log", dtick: "D2" } });
    plot("plot-pr", lines("pr"), { xaxis: { title: { text: "recall" }, range: [-0.01, 1.01] },
      yaxis: { title: { text: "precision" }, range: [0, 1.02] } });
    const key = $("cost").value;
    const points = data.board.map((row, index) => ({ row, index, model: drawn.find((m) => m.index === index) }))
      .filter(({ row, model }) => model && row.roc_auc !== null && row[key])
      .sort((a, b) => inFront(a.model) - inFront(b.model));
    plot("plot-pareto", [{ x: points.map((p) => p.row[key]), y: points.map((p) => p.row.roc_auc),
      mode: "markers", type: "scatter", customdata: points.map((p) => p.index),
      text: points.map((p) => data.models[p.index].name.replace(/</g, "&lt;")),
      hovertemplate: "%{text}<br>%{x:.4g}, AUC %{y:.3f}<extra></extra>",
      marker: { size: points.map((p) => (p.index === state.front ? 15 : 9)),
        color: points.map((p) => (inFront(p.model) ? colour(p.model) : style("--grey"))),
        opacity: points.map((p) => (inFront(p.model) ? 0.95 : 0.4)) } }],
    { xaxis: { type: "log", dtick: "D2", title: { text: $("cost").selectedOptions[0].textContent } },
      yaxis: { title: { text: "ROC AUC" } } });
  };
  const bringForward = (index) => {
    state.front = state.front === index ? BEST_OF_KIND : index;
    $("front").value = String(state.front);
    const at = explorer.models.findIndex((model) => model.name === data.models[index]?.name);
    if (state.front >= 0 && at >= 0) { $("model").value = String(at); drawExplorer(); }
    drawBoard();
    drawPlots();
  };
  $("cost").append(...data.costs.map((column) => make("option", { value: column.key, textContent: column.title })));
  $("front").append(make("option", { value: String(BEST_OF_KIND), textContent: "the best row of each kind" }),
    make("option", { value: String(ALL), textContent: "all rows in colour" }),
    ...drawn.map((m) => make("option", { value: String(m.index), textContent: m.name })));
  $("front").addEventListener("change", (event) => {
    const chosen = Number(event.target.value);
    state.front = chosen >= 0 ? BEST_OF_KIND : chosen;
    if (chosen >= 0) bringForward(chosen); else { drawBoard(); drawPlots(); }
  });
  $("cost").addEventListener("change", drawPlots);

  // ---- thumbnails
  const explorer = data.explorer;
  const sprites = JSON.parse($("sprites").textContent);
  const thumb = (index, scale = 1) => {
    const box = make("span", { className: "thumb" + (explorer.defect[index] ? " defect" : "") });
    if (!sprites) return box;
    const { side, columns, perSheet } = sprites;
    const place = index % perSheet, sheet = Math.floor(index / perSheet);
    const rows = Math.ceil(Math.min(perSheet, explorer.ids.length - sheet * perSheet) / columns);
    Object.assign(box.style, { width: side * scale + "px", height: side * scale + "px",
      boxSizing: "content-box", display: "inline-block",
      backgroundImage: `url("${sprites.sheets[sheet]}")`,
      backgroundSize: `${columns * side * scale}px ${rows * side * scale}px`,
      backgroundPosition: `${-(place % columns) * side * scale}px ${-Math.floor(place / columns) * side * scale}px` });
    return box;
  };
  const large = () => (sprites ? Math.max(1, Math.floor(96 / sprites.side)) : 1);

  // ---- explorer
  const unpacked = new Map();
  const unpack = (text, type) => {
    if (!unpacked.has(text)) unpacked.set(text, decode(text, type));
    return unpacked.get(text);
  };
  const model = () => explorer.models[Number($("model").value)];
  const outcome = (index) => (model() ? unpack(model().outcome, 1)[index] : 0);
  const describe = (index) => {
    const words = [make("strong", { textContent: explorer.ids[index] }), make("br"),
      `class ${explorer.classes[explorer.label[index]]}, ${explorer.split[index]}`];
    if (model() && outcome(index)) words.push(make("br"), `${model().name}: ${OUTCOMES[outcome(index)]}`);
    return make("div", {}, ...words);
  };
  const showCard = (index) => $("card").replaceChildren(thumb(index, large()), describe(index));
  const MOST_LISTED = 300;
  const list = (indices, words) => {
    window.report.selected = indices;
    $("chosen").textContent = `${indices.length} ${words}` +
      (indices.length > MOST_LISTED ? `, the first ${MOST_LISTED} shown` : "");
    $("images").replaceChildren(...indices.slice(0, MOST_LISTED).map((index) => {
      const button = make("button", { type: "button", title: explorer.ids[index] });
      button.setAttribute("aria-label", `${explorer.ids[index]}, ${explorer.classes[explorer.label[index]]}`);
      if (sprites) button.append(thumb(index));
      else { button.className = "plain-name"; button.textContent = explorer.ids[index]; }
      for (const kind of ["click", "focus", "mouseenter"])
        button.addEventListener(kind, () => { showCard(index); if (kind === "click") mark([index]); });
      return make("li", {}, button);
    }));
  };
  const coordinates = () => {
    const chosen = explorer.sets[$("set").value]?.[$("projection").value];
    return chosen ? { x: unpack(chosen.x, 2), y: unpack(chosen.y, 2) } : null;
  };
  const groups = () => {
    const kind = $("colour").value, n = explorer.ids.length;
    const all = Array.from({ length: n }, (_, i) => i);
    if (kind === "rank" && model()) return [{ name: "score", rows: all, rank: unpack(model().rank, 2) }];
    const value = { defect: (i) => explorer.defect[i], label: (i) => explorer.label[i],
      outcome, split: (i) => ["train", "valid", "test"].indexOf(explorer.split[i]) }[kind] || (() => 0);
    const names = { defect: ["good", "defect"], label: explorer.classes, outcome: OUTCOMES,
      split: ["train", "valid", "test"] }[kind] || ["all"];
    const colours = kind === "outcome" ? OUTCOME_COLOURS : COLOURS;
    const found = names.map((name, code) => ({ name, code, colour: colours[code % colours.length], rows: [] }));
    for (const i of all) found[value(i)]?.rows.push(i);
    return found.filter((group) => group.rows.length);
  };
  const webgl = (() => {
    try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
  })();
  const drawExplorer = () => {
    const at = coordinates();
    if (!at) {
      $("plot-explorer").textContent = "This run has no projections.";
      $("explorer").classList.add("empty");
      return Promise.resolve();
    }
    const started = performance.now();
    const small = explorer.ids.length > 10000;
    const traces = groups().map((group) => ({
      type: webgl ? "scattergl" : "scatter", mode: "markers", name: group.name.replace(/</g, "&lt;"),
      x: Float32Array.from(group.rows, (i) => at.x[i]), y: Float32Array.from(group.rows, (i) => at.y[i]),
      customdata: group.rows, hoverinfo: "none",
      marker: group.rank
        ? { size: small ? 3 : 6, color: Float32Array.from(group.rows, (i) => group.rank[i] || NaN),
          colorscale: "Viridis", colorbar: { title: { text: "score, ranked" }, tickvals: [] } }
        : { size: group.code > 1 && $("colour").value === "outcome" ? 8 : small ? 3 : 6, color: group.colour,
          opacity: 0.75 },
      unselected: { marker: { opacity: 0.12 } },
    }));
    traces.push({ type: webgl ? "scattergl" : "scatter", mode: "markers", name: "found", x: [], y: [],
      hoverinfo: "skip", showlegend: false,
      marker: { size: 16, color: "rgba(0,0,0,0)", line: { width: 3, color: style("--text") } } });
    const axis = { showticklabels: false, showgrid: false, zeroline: false };
    return Plotly.react("plot-explorer", traces, layout({ showlegend: true, dragmode: "lasso",
      legend: { orientation: "h", y: 1.06, itemsizing: "constant", font: { color: style("--text") } }, margin: { l: 8, r: 8, t: 30, b: 8 },
      xaxis: axis, yaxis: axis, uirevision: $("set").value + $("projection").value }),
    { ...CONFIG, scrollZoom: true, modeBarButtonsToRemove: ["autoScale2d"] }).then((element) => {
      window.report.drawMs = performance.now() - started;
      if (element.dataset.linked) return;
      element.dataset.linked = "yes";
      element.on("plotly_hover", (event) => {
        const index = event.points[0].customdata;
        if (index !== undefined) showCard(index);
      });
      element.on("plotly_click", (event) => {
        const index = event.points[0].customdata;
        if (index !== undefined) list([index], "image clicked");
      });
      element.on("plotly_selected", (event) => {
        if (event) list(event.points.map((p) => p.customdata).filter((i) => i !== undefined),
          "images in the lasso");
      });
    });
  };
  const mark = (indices) => {
    const at = coordinates();
    const element = $("plot-explorer");
    if (!at || !element.data) return;
    Plotly.restyle(element, { x: [indices.map((i) => at.x[i])], y: [indices.map((i) => at.y[i])] },
      [element.data.length - 1]);
  };
  const fill = (select, names) => select.replaceChildren(
    ...names.map(([value, text]) => make("option", { value, textContent: text })));
  fill($("set"), Object.keys(explorer.sets).map((name) => [name, name]));
  const fillProjections = () => {
    const before = $("projection").value;
    const names = Object.keys(explorer.sets[$("set").value] || {});
    fill($("projection"), names.map((name) => [name, name]));
    $("projection").value = names.includes(before) ? before : names[names.length - 1] ?? "";
  };
  // Begins with the features of the best row that has projections.
  const first = data.models.map((m) => m.set).find((name) => name in explorer.sets);
  if (first) $("set").value = first;
  fillProjections();
  fill($("model"), explorer.models.map((m, index) => [String(index), m.name]));
  const best = data.models.map((m) => explorer.models.findIndex((other) => other.name === m.name)).find((at) => at >= 0);
  if (best !== undefined) $("model").value = String(best);
  $("set").addEventListener("change", () => { fillProjections(); drawExplorer(); });
  for (const id of ["projection", "colour", "model"]) $(id).addEventListener("change", drawExplorer);
  $("find").addEventListener("input", (event) => {
    const text = event.target.value.trim().toLowerCase();
    if (!text) { mark([]); list([], "images found"); return; }
    const found = [];
    explorer.ids.forEach((id, index) => { if (id.toLowerCase().includes(text)) found.push(index); });
    mark(found.slice(0, 200));
    list(found, "images found");
    if (found.length) showCard(found[0]);
  });
  $("errors").addEventListener("click", () => {
    const wrong = explorer.ids.map((_, index) => index).filter((index) => outcome(index) > 1);
    mark(wrong);
    list(wrong, `images that ${model()?.name ?? "the model"} gets wrong`);
  });

  // ---- label audit
  if (data.audit.length) {
    const titles = ["", "Rank", "Image", "Label", "Suspicion", "Confidence in the label", "Neighbours that agree",
      "Good parts less unusual"];
    const body = make("tbody");
    for (const row of data.audit) {
      const shares = [row.suspicion, row.confidence, row.neighbours, row.novelty]
        .map((share) => share?.toFixed(2) ?? "");
      const cells = [row.rank, row.image_id, row.named, ...shares]
        .map((value) => make("td", { textContent: String(value ?? "") }));
      body.append(make("tr", {}, make("td", {}, row.at === null ? "" : thumb(row.at, large())), ...cells));
    }
    $("suspects").append(make("thead", {}, make("tr", {},
      ...titles.map((title) => make("th", { scope: "col", textContent: title })))), body);
  } else $("audit").hidden = true;

  // ---- theme
  const redraw = () => { drawPlots(); drawExplorer(); };
  $("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  drawBoard();
  drawPlots();
  drawExplorer().then(() => { window.report.ready = true; });
})();
