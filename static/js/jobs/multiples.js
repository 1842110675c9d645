// @ts-check
// The small curves under the large one: learning rate, throughput, memory.
import uPlot from "uplot";
import { palette } from "./palette.js";

/** @typedef {import("./record.js").Record} Run */

/** @type {Record<string, {read: (point: import("./record.js").Point) => number[], series: string[], show: (value: number) => string}>} */
const KINDS = {
  lr: {
    read: (point) => {
      const rates = Object.values(point.lr ?? {});
      return rates.length > 0 ? [Math.max(...rates), Math.min(...rates)] : [Number.NaN, Number.NaN];
    },
    series: ["highest", "lowest"],
    show: (value) => (value === 0 ? "0" : value.toExponential(1).replace("e-", "e−").replace("e+", "e")),
  },
  throughput: {
    read: (point) => [point.samples_per_s],
    series: ["throughput"],
    show: (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1)),
  },
  memory: {
    read: (point) => [point.memory_bytes],
    series: ["memory"],
    show: (value) => (value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${Math.round(value / 1e6)} MB`),
  },
};

/**
 * @param {HTMLElement} place one with `data-small` naming its kind
 * @param {Run} run
 * @param {Record<string, string>} words
 */
export function drawSmall(place, run, words) {
  const kind = KINDS[place.dataset.small ?? ""];
  const colours = palette();
  const strokes = [colours.note, colours["ink-3"]];
  const axis = { stroke: colours["ink-3"], grid: { show: false }, font: "11px system-ui, sans-serif" };
  const ticks = { stroke: colours.line, width: 1, size: 3 };
  return new uPlot(
    {
      width: place.clientWidth,
      height: 132,
      padding: [8, 8, 0, 0],
      cursor: { y: false, points: { size: 5 } },
      legend: { live: true },
      scales: { x: { time: false }, y: { range: (_plot, _low, high) => [0, (high ?? 0) > 0 ? high * 1.15 : 1] } },
      axes: [
        { ...axis, ticks, size: 24, space: 60 },
        { ...axis, ticks, size: 58, space: 34, values: (_plot, at) => at.map((value) => kind.show(value)) },
      ],
      series: [
        { label: words.step },
        ...kind.series.map((name, index) => ({
          label: words[name],
          stroke: strokes[index],
          width: 2,
          spanGaps: true,
          points: { show: false },
          value: (/** @type {uPlot} */ _plot, /** @type {number | null} */ value) => (value === null ? "–" : kind.show(value)),
        })),
      ],
    },
    smallData(place, run),
    place,
  );
}

/** @param {HTMLElement} place @param {Run} run @returns {uPlot.AlignedData} */
export function smallData(place, run) {
  const kind = KINDS[place.dataset.small ?? ""];
  const points = run.sortedPoints();
  const rows = points.map((point) => kind.read(point));
  const columns = kind.series.map((_name, index) =>
    rows.map((row) => (Number.isFinite(row[index]) ? row[index] : null)),
  );
  return /** @type {uPlot.AlignedData} */ ([points.map((point) => point.step), ...columns]);
}
