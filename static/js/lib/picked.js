// @ts-check

/**
 * The files of a file field; those of a picked folder keep their path inside it.
 * @param {FileList | null} list
 */
export function pickedFiles(list) {
  return [...(list ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/**
 * What was dropped: files, and every file below dropped folders.
 * @param {DataTransfer | null} dropped
 */
export async function droppedFiles(dropped) {
  const roots = [...(dropped?.items ?? [])].map((item) => item.webkitGetAsEntry());
  const found = await Promise.all(roots.map((entry) => (entry ? filesBelow(entry) : [])));
  return found.flat();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<{ file: File, path: string }[]>}
 */
async function filesBelow(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => {
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
    });
    return [{ file, path }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const children = [];
  for (;;) {
    // A reader gives at most 100 entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    children.push(...some);
  }
  return (await Promise.all(children.map(filesBelow))).flat();
}
