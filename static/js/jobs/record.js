// @ts-check
// What a run has done so far, built from its events: the page's own first ones, then the stream's.

/**
 * @typedef {{step: number, epoch: number, loss: number, lr: Record<string, number>,
 *   samples_per_s: number, memory_bytes: number, stage?: number}} Point
 * @typedef {{epoch: number, stage: number, step: number, train_loss: number,
 *   train_value: number | null, validation_loss: number, validation_value: number,
 *   is_best: boolean}} Epoch
 * @typedef {{index: number, name: string, epochs: number, stepsPerEpoch: number,
 *   start: number, end: number | null}} Stage
 * @typedef {{index: number, name: string, start: number, end: number, state: string}} Band
 */

export class Record {
  /** @param {{stages: {index: number, name: string, epochs: number}[]}} planned */
  constructor(planned) {
    /** @type {Map<number, Point>} */
    this.points = new Map();
    /** @type {Map<number, Epoch>} */
    this.epochs = new Map();
    /** @type {Map<number, Stage>} */
    this.stages = new Map(
      planned.stages.map((stage) => [
        stage.index,
        { ...stage, stepsPerEpoch: 0, start: Number.NaN, end: null },
      ]),
    );
    this.lastStep = 0;
  }

  /**
   * Take one event in; the same event twice changes nothing.
   * @param {{kind: string, payload: any}} event
   */
  apply(event) {
    const told = event.payload;
    if (event.kind === "RunStarted" && !told.resumed_from) this.#forget();
    else if (event.kind === "StageStarted") this.#stageStarted(told);
    else if (event.kind === "StepsReported") this.addPoints(told.points, told.stage);
    else if (event.kind === "EpochFinished") this.#epochFinished(told);
    else if (event.kind === "StageFinished") this.#stageFinished(told);
  }

  /**
   * @param {Point[]} points
   * @param {number} stage
   */
  addPoints(points, stage) {
    for (const point of points) {
      this.points.set(point.step, { stage, ...point });
      this.lastStep = Math.max(this.lastStep, point.step);
    }
  }

  /** Where each stage lies on the axis of steps, the coming ones as planned. @returns {Band[]} */
  bands() {
    const bands = [];
    let from = 0;
    const usual = [...this.stages.values()].find((stage) => stage.stepsPerEpoch)?.stepsPerEpoch ?? 0;
    for (const stage of [...this.stages.values()].sort((a, b) => a.index - b.index)) {
      const begun = Number.isFinite(stage.start);
      const start = begun ? stage.start : from;
      const end = stage.end ?? start + stage.epochs * (stage.stepsPerEpoch || usual);
      const state = stage.end === null ? (begun ? "now" : "next") : "done";
      bands.push({ index: stage.index, name: stage.name, start, end, state });
      from = end;
    }
    return bands;
  }

  /** The epoch whose weights are kept: best on validation, the first of equals. */
  best() {
    const measured = [...this.epochs.values()].sort((a, b) => a.epoch - b.epoch);
    const marked = measured.filter((epoch) => epoch.is_best);
    return marked.at(-1) ?? null;
  }

  /** @returns {Point[]} */
  sortedPoints() {
    return [...this.points.values()].sort((a, b) => a.step - b.step);
  }

  /** @returns {Epoch[]} */
  sortedEpochs() {
    return [...this.epochs.values()].sort((a, b) => a.step - b.step);
  }

  #forget() {
    this.points.clear();
    this.epochs.clear();
    this.lastStep = 0;
    for (const stage of this.stages.values()) Object.assign(stage, { start: Number.NaN, end: null });
  }

  /** @param {any} told */
  #stageStarted(told) {
    const known = this.stages.get(told.index);
    // A resumed attempt says again that its stage began; the curve keeps the first beginning.
    const start = known && Number.isFinite(known.start) ? known.start : this.#endBefore(told.index);
    this.stages.set(told.index, {
      index: told.index,
      name: told.name,
      epochs: told.epochs,
      stepsPerEpoch: told.steps_per_epoch,
      start,
      end: null,
    });
  }

  /** @param {number} index */
  #endBefore(index) {
    return this.stages.get(index - 1)?.end ?? (index === 1 ? 0 : this.lastStep);
  }

  /** @param {any} told */
  #epochFinished(told) {
    this.epochs.set(told.epoch, told);
    this.lastStep = Math.max(this.lastStep, told.step);
  }

  /** @param {any} told */
  #stageFinished(told) {
    const stage = this.stages.get(told.index);
    if (!stage) return;
    const own = [...this.epochs.values()].filter((epoch) => epoch.stage === told.index);
    stage.end = own.length > 0 ? Math.max(...own.map((epoch) => epoch.step)) : this.lastStep;
  }
}
