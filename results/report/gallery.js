"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  if (!$("gallery-data")) return;
  const data = JSON.parse($("gallery-data").textContent);
  // Colours of matplotlib's map inferno.
  const INFERNO = [[0, 0, 4], [27, 12, 65], [74, 12, 107], [120, 28, 109], [165, 44, 96], [207, 68, 70],
    [237, 105, 37], [251, 155, 6], [247, 209, 61], [252, 255, 164]];
  const OUTCOME_COLOURS = { hit: "#0072B2", escape: "#D55E00", overkill: "#E69F00", correct: "#56B4E9" };
  // Defects that were missed and good parts that were rejected come first.
  const OUTCOME_ORDER = ["escape", "overkill", "hit", "correct"];
  const LEVELS = 127, PIXELS = 112;
  const state = { model: 0, image: -1, compared: data.models.map(() => true) };

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const places = data.models.map((model) => new Map(model.at.map((image, place) => [image, place])));
  const heats = data.models.map((model) => new Int8Array(decode(model.heat).buffer));
  const sheets = (data.sprites?.sheets ?? []).map((sheet) =>
    URL.createObjectURL(new Blob([decode(sheet.split(",")[1])], { type: "image/jpeg" })));

  // ---- one picture with its map
  const colour = (share) => {
    const at = Math.min(Math.max(share, 0), 1) * (INFERNO.length - 1);
    const low = Math.min(Math.floor(at), INFERNO.length - 2);
    const channels = INFERNO[low].map((value, i) => value + (INFERNO[low + 1][i] - value) * (at - low));
    // Where there is no evidence the image stays as it is.
    return [...channels, 255 * Math.min(1, 2 * Math.max(share, 0))];
  };
  const TABLE = Array.from({ length: 256 }, (_, level) => colour(level / 255));
  const sign = () => Number($("look-sign").value);
  const grid = (model, place) => {
    const { rows, columns } = data.models[model];
    return heats[model].subarray(place * rows * columns, (place + 1) * rows * columns);
  };
  const largest = (model, place) => {
    let top = 0;
    for (const level of grid(model, place)) top = Math.max(top, sign() * level);
    return (top / LEVELS) * (data.models[model].peak[place] ?? 0);
  };
  const tops = new Map();
  const scaleOf = (model, place) => {
    if ($("look-scale").value === "map") return largest(model, place);
    const key = `${model} ${sign()}`;
    if (!tops.has(key)) tops.set(key, Math.max(...data.models[model].at.map((_, each) => largest(model, each))));
    return tops.get(key);
  };
  // Bilinear; the cells divide the part of the image that the model sees evenly.
  const weights = (pixels, cells) => Array.from({ length: pixels }, (_, pixel) => {
    const centre = Math.min(Math.max(((pixel + 0.5) * cells) / pixels - 0.5, 0), cells - 1);
    const low = Math.min(Math.floor(centre), Math.max(cells - 2, 0));
    return [low, Math.min(low + 1, cells - 1), centre - low];
  });
  const paint = (canvas, model, place) => {
    const { rows, columns, peak } = data.models[model];
    const levels = grid(model, place), top = scaleOf(model, place);
    const factor = top > 0 ? (sign() * (peak[place] ?? 0)) / (LEVELS * top) : 0;
    const across = weights(canvas.width, columns), down = weights(canvas.height, rows);
    const context = canvas.getContext("2d");
    const picture = context.createImageData(canvas.width, canvas.height);
    down.forEach(([above, below, dy], y) => across.forEach(([left, right, dx], x) => {
      const upper = levels[above * columns + left] * (1 - dx) + levels[above * columns + right] * dx;
      const lower = levels[below * columns + left] * (1 - dx) + levels[below * columns + right] * dx;
      const share = factor * (upper * (1 - dy) + lower * dy);
      picture.data.set(TABLE[Math.round(255 * Math.min(Math.max(share, 0), 1))], 4 * (y * canvas.width + x));
    }));
    context.putImageData(picture, 0, 0);
  };
  const percent = (share) => `${(100 * share).toFixed(3)}%`;
  const at = (element, [x1, y1, x2, y2]) => Object.assign(element.style,
    { left: percent(x1), top: percent(y1), width: percent(x2 - x1), height: percent(y2 - y1) });
  const shot = (image, model = null) => {
    const [width, height] = data.size[image];
    const box = make("div", { className: "shot" });
    box.style.aspectRatio = `${width} / ${height}`;
    if (data.sprites) {
      const { columns, perSheet } = data.sprites;
      const sheet = Math.floor(image / perSheet), cell = image % perSheet;
      const rows = Math.ceil(Math.min(perSheet, data.ids.length - sheet * perSheet) / columns);
      const shift = (number, count) => (count > 1 ? percent(number / (count - 1)) : "0%");
      Object.assign(box.style, { backgroundImage: `url("${sheets[sheet]}")`,
        backgroundSize: `${100 * columns}% ${100 * rows}%`,
        backgroundPosition: `${shift(cell % columns, columns)} ${shift(Math.floor(cell / columns), rows)}` });
    }
    if (model !== null) {
      const place = places[model].get(image), window = data.models[model].windows[data.models[model].window[place]];
      const [wide, tall] = [(window[2] - window[0]) * width, (window[3] - window[1]) * height];
      const canvas = make("canvas", { width: Math.max(1, Math.round((PIXELS * wide) / Math.max(wide, tall))),
        height: Math.max(1, Math.round((PIXELS * tall) / Math.max(wide, tall))) });
      canvas.setAttribute("aria-hidden", "true");
      at(canvas, window);
      paint(canvas, model, place);
      box.append(canvas);
      if (window.join() !== "0,0,1,1") {
        const frame = make("div", { className: "frame" });
        at(frame, window);
        box.append(frame);
      }
    }
    for (const corners of data.boxes[image]) {
      const mark = make("div", { className: "box" });
      at(mark, corners);
      box.append(mark);
    }
    return box;
  };

  // ---- words
  const title = (model) => `${data.models[model].name} (${data.models[model].method})`;
  const label = (image) => data.classes[data.label[image]];
  const outcome = (model, image) => data.outcomes[data.models[model].outcome[places[model].get(image)]];
  const score = (model, image) => data.models[model].score[places[model].get(image)];
  const number = (value) => (value === null ? "unknown"
    : value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3))));
  const said = (words, kind) => {
    const dot = make("i");
    dot.setAttribute("aria-hidden", "true");
    dot.style.background = OUTCOME_COLOURS[kind];
    return make("span", { className: "said" }, dot, words);
  };

  // ---- side by side
  const drawCompared = () => {
    const image = state.image;
    const shown = image < 0 ? [] : data.models.map((_, model) => model)
      .filter((model) => state.compared[model] && places[model].has(image));
    $("look-title").textContent = image < 0 ? "" : `${data.ids[image]} (${label(image)})`;
    $("look-models").hidden = image < 0 || data.models.length < 2;
    $("look-chosen").textContent =
      `Models side by side: ${state.compared.filter(Boolean).length} of ${data.models.length}`;
    const figures = shown.map((model) => {
      const picture = shot(image, model);
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `Heat map of ${title(model)} on ${data.ids[image]}`);
      const words = [make("strong", { textContent: title(model) }), said(`${outcome(model, image)}: score ` +
        `${number(score(model, image))}, threshold ${number(data.models[model].threshold)}`, outcome(model, image))];
      if (!(largest(model, places[model].get(image)) > 0))
        words.push(make("span", { className: "said",
          textContent: sign() > 0 ? "no evidence for a defect" : "no evidence against a defect" }));
      return make("figure", {}, picture, make("figcaption", {}, ...words));
    });
    if (image >= 0) {
      const picture = shot(image);
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `${data.ids[image]} without a map`);
      figures.unshift(make("figure", {}, picture,
        make("figcaption", {}, make("strong", { textContent: "image" }), label(image))));
    }
    $("look-compare").replaceChildren(...figures);
  };

  // ---- tiles
  const tiles = () => [...$("look-tiles").children];
  const choose = (image, focus = false) => {
    state.image = image;
    for (const tile of tiles()) {
      const own = Number(tile.dataset.image) === image;
      tile.setAttribute("aria-selected", String(own));
      tile.tabIndex = own ? 0 : -1;
      if (own && focus) tile.focus();
    }
    drawCompared();
  };
  const matching = () => {
    const model = state.model, kind = $("look-class").value, wanted = $("look-outcome").value;
    const order = (image) => OUTCOME_ORDER.indexOf(outcome(model, image));
    const clear = (image) => (["escape", "correct"].includes(outcome(model, image)) ? 1 : -1) *
      (score(model, image) ?? 0);
    return data.models[model].at.filter((image) => (kind === "" || label(image) === data.classes[Number(kind)]) &&
      (wanted === "" || outcome(model, image) === wanted))
      .sort((a, b) => order(a) - order(b) || clear(a) - clear(b) || a - b);
  };
  const inTestSplit = () => {
    const kind = $("look-class").value, wanted = $("look-outcome").value;
    let total = 0;
    for (const [name, counts] of Object.entries(data.models[state.model].totals))
      if (kind === "" || name === data.classes[Number(kind)])
        counts.forEach((count, code) => { if (wanted === "" || data.outcomes[code] === wanted) total += count; });
    return total;
  };
  const drawTiles = () => {
    const images = matching();
    $("look-tiles").replaceChildren(...images.map((image) => {
      const kind = outcome(state.model, image);
      const tile = make("div", { className: "tile" }, shot(image, state.model),
        make("span", { textContent: data.ids[image] }), said(`${kind}, ${label(image)}`, kind));
      tile.setAttribute("role", "option");
      tile.setAttribute("aria-label", `${data.ids[image]}, class ${label(image)}, ${kind}, ` +
        `score ${number(score(state.model, image))}`);
      tile.dataset.image = image;
      tile.addEventListener("click", () => choose(image, true));
      return tile;
    }));
    $("look-empty").hidden = images.length > 0;
    const all = inTestSplit();
    $("look-count").textContent = `${images.length} of ${all} such test image${all === 1 ? "" : "s"} shown`;
    choose(images.includes(state.image) ? state.image : images[0] ?? -1);
  };
  $("look-tiles").addEventListener("keydown", (event) => {
    const all = tiles(), now = all.indexOf(document.activeElement);
    if (now < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const line = all.filter((tile) => tile.offsetTop === all[0].offsetTop).length;
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, ArrowDown: now + line, ArrowUp: now - line, Home: 0,
      End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (all[next]) choose(Number(all[next].dataset.image), true);
  });

  // ---- controls
  const fill = (select, names) => select.replaceChildren(
    ...names.map(([value, text]) => make("option", { value: String(value), textContent: text })));
  fill($("look-model"), data.models.map((_, model) => [model, title(model)]));
  fill($("look-class"), [["", "all classes"], ...data.classes.map((name, code) => [code, name])]);
  fill($("look-outcome"), [["", "all outcomes"], ["hit", "hit: defect found"], ["escape", "escape: defect missed"],
    ["overkill", "overkill: good part rejected"], ["correct", "correct: good part kept"]]);
  $("look-models").querySelector(".controls").append(...data.models.map((_, model) => {
    const check = make("input", { type: "checkbox", checked: true });
    check.addEventListener("change", () => { state.compared[model] = check.checked; drawCompared(); });
    return make("label", {}, check, title(model));
  }));
  $("look-model").addEventListener("change", (event) => { state.model = Number(event.target.value); drawTiles(); });
  for (const id of ["look-class", "look-outcome", "look-sign", "look-scale"])
    $(id).addEventListener("change", drawTiles);
  $("look-opacity").addEventListener("input", (event) => {
    $("gallery").style.setProperty("--heat", event.target.value / 100);
    $("look-percent").textContent = `${event.target.value}%`;
  });
  $("look-boxes").addEventListener("change", (event) => $("gallery").classList.toggle("plain", !event.target.checked));
  $("look-boxed").hidden = !data.boxes.some((boxes) => boxes.length);
  $("look-signed").hidden = !heats.some((levels) => levels.some((level) => level < 0));
  $("look-legend").style.background = `linear-gradient(90deg, ${TABLE.filter((_, level) => level % 15 === 0)
    .map(([r, g, b, alpha]) => `rgb(${r} ${g} ${b} / ${alpha / 255})`).join()})`;
  drawTiles();
})();
