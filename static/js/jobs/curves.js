// @ts-check
// The curve of a run: loss at the left, accuracy at the right, the stages as bands behind.
import uPlot from "uplot";
import { palette } from "./palette.js";

/** @typedef {import("./record.js").Record} Run */

const DASH = [6, 4];

/**
 * One x axis of steps for points and epochs, with gaps where a series has no value.
 * @param {Run} run
 * @returns {(number | null)[][]}
 */
export function heroData(run) {
  const points = run.points;
  const epochs = new Map(run.sortedEpochs().map((epoch) => [epoch.step, epoch]));
  const steps = [...new Set([...points.keys(), ...epochs.keys()])].sort((a, b) => a - b);
  const column = (/** @type {(step: number) => number | undefined} */ read) =>
    steps.map((step) => finite(read(step)));
  return [
    steps,
    column((step) => points.get(step)?.loss),
    column((step) => epochs.get(step)?.train_loss),
    column((step) => epochs.get(step)?.validation_loss),
    column((step) => epochs.get(step)?.train_value),
    column((step) => epochs.get(step)?.validation_value),
  ];
}

/** @param {number | undefined} value */
function finite(value) {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** @param {number | null} value @param {number} digits */
export function shown(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(digits) : value.toExponential(1);
}

/** @param {number | null} value */
export function share(value) {
  return value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)} %`;
}

/**
 * @param {HTMLElement} place
 * @param {Run} run
 * @param {{log: boolean, isShare: boolean, words: Record<string, string>}} options
 * @returns {uPlot}
 */
export function drawHero(place, run, options) {
  const colours = palette();
  const narrow = place.clientWidth < 560;
  const { words } = options;
  const axis = {
    stroke: colours["ink-3"],
    grid: { show: false },
    ticks: { stroke: colours.line, width: 1, size: 4 },
    font: "12px system-ui, sans-serif",
  };
  return new uPlot(
    {
      width: place.clientWidth,
      height: narrow ? 260 : 360,
      padding: [28, narrow ? 4 : 8, 0, narrow ? 0 : 4],
      cursor: { points: { size: 7 }, focus: { prox: 24 } },
      legend: { live: true },
      scales: {
        x: { time: false, range: () => xRange(run) },
        loss: { distr: options.log ? 3 : 1, range: (_plot, low, high) => lossRange(low, high, options.log) },
        measure: { range: (_plot, low, high) => measureRange(low, high, options.isShare) },
      },
      axes: [
        { ...axis, splits: () => ticks(run, narrow), values: (_plot, at) => at.map((step) => epochAt(run, step)), size: 26, label: words.epoch, labelSize: 18, labelGap: -2, labelFont: axis.font },
        { ...axis, scale: "loss", size: narrow ? 40 : 52, values: (_plot, at) => at.map((value) => lossTick(value)) },
        { ...axis, scale: "measure", side: 1, size: narrow ? 42 : 52, values: (_plot, at) => at.map((value) => measureTick(value, options.isShare)) },
      ],
      series: [
        { label: words.epoch, value: (_plot, step) => (step === null ? "–" : epochAt(run, step)) },
        line(`${words.train_loss} (${words.per_step})`, "loss", colours["ink-3"], { width: 1, alpha: 0.45 }),
        line(words.train_loss, "loss", colours["ink-2"], {}),
        line(words.validation_loss, "loss", colours.note, {}),
        line(words.train_value, "measure", colours["ink-2"], { dash: DASH, value: (_plot, value) => measured(value, options.isShare) }),
        line(words.validation_value, "measure", colours.note, { dash: DASH, value: (_plot, value) => measured(value, options.isShare) }),
      ],
      hooks: { drawClear: [(plot) => drawBands(plot, run, colours)], draw: [(plot) => drawBest(plot, run, colours, options)] },
    },
    /** @type {uPlot.AlignedData} */ (heroData(run)),
    place,
  );
}

/** A value of the headline measure as people read it. @param {number | null} value @param {boolean} isShare */
export function measured(value, isShare) {
  if (isShare) return share(value);
  return value === null || value === undefined ? "–" : String(Number(value.toPrecision(4)));
}

/** @param {number} value @param {boolean} isShare */
function measureTick(value, isShare) {
  return isShare ? `${Math.round(value * 100)} %` : String(Number(value.toPrecision(3)));
}

/** @param {number | null} low @param {number | null} high @param {boolean} isShare @returns {uPlot.Range.MinMax} */
function measureRange(low, high, isShare) {
  if (isShare) return [Math.min(0.5, Math.floor((low ?? 0) * 10) / 10), 1];
  if (low === null || high === null) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - room, high + room];
}

/**
 * @param {string} label @param {string} scale @param {string} colour
 * @param {Partial<uPlot.Series>} more
 * @returns {uPlot.Series}
 */
function line(label, scale, colour, more) {
  return {
    label,
    scale,
    stroke: colour,
    width: 2,
    spanGaps: true,
    points: { show: more.width !== 1, size: 5, fill: colour, stroke: colour },
    value: (_plot, value) => shown(value),
    ...more,
  };
}

/** @param {Run} run @returns {uPlot.Range.MinMax} */
function xRange(run) {
  const planned = run.bands().at(-1)?.end ?? 0;
  return [0, Math.max(planned, run.lastStep, 1)];
}

/** @param {number | null} low @param {number | null} high @param {boolean} log @returns {uPlot.Range.MinMax} */
function lossRange(low, high, log) {
  if (low === null || high === null || high <= 0) return log ? [0.01, 1] : [0, 1];
  return log ? [Math.max(low * 0.8, 1e-6), high * 1.25] : [0, high * 1.08];
}

/** @param {number | null} value */
function lossTick(value) {
  if (value === null) return "";
  return value >= 0.1 || value === 0 ? String(Number(value.toFixed(2))) : value.toPrecision(1);
}

/** Ends of epochs, thinned so that their numbers do not touch. @param {Run} run @param {boolean} narrow */
function ticks(run, narrow) {
  const ends = [];
  for (const band of run.bands()) {
    const each = run.stages.get(band.index)?.stepsPerEpoch ?? 0;
    if (each > 0) for (let step = band.start + each; step <= band.end + 0.5; step += each) ends.push(step);
  }
  if (ends.length === 0) return run.sortedEpochs().map((epoch) => epoch.step);
  const every = Math.max(1, Math.ceil(ends.length / (narrow ? 6 : 14)));
  return ends.filter((_step, index) => (index + 1) % every === 0);
}

/** The epoch a step lies in, as a number people read: 3, or 2.4 in the middle. @param {Run} run @param {number} step */
export function epochAt(run, step) {
  let before = 0;
  for (const band of run.bands()) {
    const each = run.stages.get(band.index)?.stepsPerEpoch ?? 0;
    if (each === 0) continue;
    if (step <= band.end) return String(Number((before + (step - band.start) / each).toFixed(1)));
    before += Math.round((band.end - band.start) / each);
  }
  return String(before);
}

/** @param {uPlot} plot @param {Run} run @param {import("./palette.js").Palette} colours */
function drawBands(plot, run, colours) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textBaseline = "bottom";
  for (const band of run.bands()) {
    if (!(band.end > band.start)) continue;
    const left = plot.valToPos(band.start, "x", true);
    const right = plot.valToPos(band.end, "x", true);
    ctx.globalAlpha = band.index % 2 ? 0.75 : 0.3;
    ctx.fillStyle = colours.raised;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillStyle = band.state === "next" ? colours["ink-3"] : colours["ink-2"];
    label(ctx, `${band.index} · ${band.name}`, left, right, bbox.top - 6 * devicePixelRatio);
    ctx.fillStyle = band.state === "now" ? colours.note : band.state === "done" ? colours["ink-3"] : colours.line;
    ctx.fillRect(left + 1, bbox.top - 3 * devicePixelRatio, right - left - 2, 2 * devicePixelRatio);
  }
  ctx.restore();
}

/**
 * Write a text where it fits, else its number alone, else nothing.
 * @param {CanvasRenderingContext2D} ctx @param {string} text
 * @param {number} left @param {number} right @param {number} y
 */
function label(ctx, text, left, right, y) {
  const room = right - left - 6 * devicePixelRatio;
  const fitting = [text, text.split(" ")[0]].find((part) => ctx.measureText(part).width <= room);
  if (fitting) ctx.fillText(fitting, left + 3 * devicePixelRatio, y);
}

/**
 * @param {uPlot} plot @param {Run} run
 * @param {import("./palette.js").Palette} colours
 * @param {{isShare: boolean, words: Record<string, string>}} options
 */
function drawBest(plot, run, colours, { isShare, words }) {
  const best = run.best();
  if (!best) return;
  const { ctx, bbox } = plot;
  const x = plot.valToPos(best.step, "x", true);
  const y = plot.valToPos(best.validation_value, "measure", true);
  const unit = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = colours.done;
  ctx.fillStyle = colours.done;
  ctx.lineWidth = unit;
  ctx.setLineDash([2 * unit, 3 * unit]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.lineWidth = 2 * unit;
  ctx.beginPath();
  ctx.arc(x, y, 6 * unit, 0, 2 * Math.PI);
  ctx.stroke();
  ctx.font = `600 ${12 * unit}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  const text = `${words.best} ${measured(best.validation_value, isShare)}`;
  const width = ctx.measureText(text).width;
  const fits = x - width - 12 * unit > bbox.left;
  const left = fits ? x - width - 10 * unit : x + 10 * unit;
  const top = Math.min(y + 12 * unit, bbox.top + bbox.height - 16 * unit);
  // A rim in the page's colour keeps the words readable where curves pass behind them.
  ctx.strokeStyle = colours.surface;
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * unit;
  ctx.strokeText(text, left, top);
  ctx.fillText(text, left, top);
  ctx.restore();
}
