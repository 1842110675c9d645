"""The doctor's rules about what lies in a data set: rows, texts, recordings, boxes, masks."""

from worker.contract.rules import Rule

DATA_RULES: dict[str, Rule] = {
    "SOUND_UNREADABLE": Rule(
        "error",
        "{total} recordings cannot be read; the first: {first} ({reason}).",
        "Replace or remove these files; WAVE and FLAC are read best.",
    ),
    "SOUND_LONG": Rule(
        "warning",
        "{total} recordings are longer than {seconds} seconds.",
        "Cut them into shorter ones; most networks hear no more than that at once.",
    ),
    "RATES_DIFFER": Rule(
        "info",
        "The recordings have different sampling rates: {rates}.",
        "Nothing to do: they are brought to one rate before training.",
    ),
    "SOUND_MISSING": Rule(
        "error",
        "{total} rows of {table} name a recording that is not there; the first: {first}.",
        "Upload the recordings, or correct the paths; they count from the table's own folder.",
    ),
    "TEXT_EMPTY": Rule(
        "warning",
        "{total} rows of {table} have no text; the first: {first}.",
        "Fill them in or remove them; they are not used.",
    ),
    "LABEL_EMPTY": Rule(
        "error",
        "{total} rows of {table} have no class; the first: {first}.",
        "Give every row its class, or remove these rows.",
    ),
    "WEIGHT_INVALID": Rule(
        "error",
        "{total} training rows of {table} have no weight in the column {column}; the first: "
        "{first}.",
        "Write a number of 0 or more in each; 0 leaves a row out of training.",
    ),
    "COLUMN_UNREAD": Rule(
        "error",
        "The recipe names the column {column}, and the data set ({kind}) has no table with it.",
        "Add a table (CSV, JSON lines, Parquet) that names the examples and has this column.",
    ),
    "ID_EMPTY": Rule(
        "error",
        "{total} rows of {table} lack a user or an item; the first: {first}.",
        "Fill both in, or remove these rows.",
    ),
    "HEADING_MISSING": Rule(
        "error",
        "The first line of {table} looks like data, not like names of columns.",
        "Put a line with the names of the columns first, for example text,label.",
    ),
    "EXCEL": Rule(
        "error",
        "{total} files are Excel workbooks, which are not read; the first: {first}.",
        "Save each sheet as CSV (UTF-8) and upload that.",
    ),
    "ARCHIVE_KIND": Rule(
        "error",
        "{total} archives are of a kind that is not opened; the first: {first}.",
        "Unpack them and upload the folder, or pack it as one zip file.",
    ),
    "PICKLE": Rule(
        "error",
        "{total} files are Python pickles, which may run code and are not opened; the first: "
        "{first}.",
        "Save plain data: CSV, JSON lines, Parquet, PNG, or numpy.savez.",
    ),
    "MANY_CLASSES": Rule(
        "warning",
        "The column {column} has {count} different values in {rows} rows; is it really a class?",
        "Choose another column as the label, or name a number to predict under target.",
    ),
    "TAG_WITHOUT_BEGIN": Rule(
        "warning",
        "{total} tags start inside of an entity, without its beginning; the first: {first}.",
        "They are read as beginnings; write B- for the first token of every entity.",
    ),
    "COLUMNS_DIFFER": Rule(
        "error",
        "{total} lines of {table} have another number of columns than most; the first: {first}.",
        "Give every token one line with its tag last, and an empty line between sentences.",
    ),
    "TAG_UNKNOWN": Rule(
        "error",
        "{total} tags follow no scheme (BIO, BIOES, BMES, IO); the first: {first}.",
        "Write tags as O, B-NAME and I-NAME.",
    ),
    "ANSWER_NOT_IN_TEXT": Rule(
        "error",
        "{total} answers do not stand at their place in the text; the first: {first}.",
        "Correct answer_start: it counts characters from 0.",
    ),
    "QUESTION_EMPTY": Rule(
        "error",
        "{total} questions lack a text, an id or an answer list; the first: {first}.",
        "Complete them as SQuAD does: id, question, answers with text and answer_start.",
    ),
    "ROLE_ORDER": Rule(
        "error",
        "{total} conversations do not take turns; the first: {first}.",
        "Let user and assistant take turns, after at most one system message.",
    ),
    "TURN_EMPTY": Rule(
        "error",
        "{total} conversations hold an empty message or none of the assistant; the first: {first}.",
        "Fill these messages in or remove the conversations.",
    ),
    "ID_REPEATED": Rule(
        "error",
        "{total} ids of {table} appear more than once; the first: {first}.",
        "Give every entry an id of its own.",
    ),
    "ANNOTATION_DANGLING": Rule(
        "error",
        "{total} annotations name an image or a category that is not there; the first: {first}.",
        "Add the entry that they name, or remove them.",
    ),
    "BOX_OUTSIDE": Rule(
        "warning",
        "{total} boxes reach beyond their image; the first: {first}.",
        "They are cut at the edge; check whether the annotations belong to these images.",
    ),
    "BOX_EMPTY": Rule(
        "error",
        "{total} boxes have no area; the first: {first}.",
        "Remove them, or correct their corners.",
    ),
    "BOX_NOT_NORMALIZED": Rule(
        "error",
        "{total} lines are no YOLO boxes (class, then numbers from 0 to 1); the first: {first}.",
        "Divide positions and sizes by the width and height of the image.",
    ),
    "CLASS_UNKNOWN": Rule(
        "error",
        "{total} objects are of a class that is not listed; the first: {first}.",
        "Add the class to the list, or correct the annotation.",
    ),
    "CATEGORY_GAPS": Rule(
        "info",
        "The category ids have gaps ({ids}).",
        "Nothing to do: classes are numbered anew, in the order of their names.",
    ),
    "CATEGORY_UNUSED": Rule(
        "info",
        "No object is of these categories: {classes}.",
        "Harmless when meant; else add examples of them.",
    ),
    "IMAGE_WITHOUT_OBJECTS": Rule(
        "info",
        "{total} images have no objects; the first: {first}.",
        "They teach what is background; remove them when they were just not annotated.",
    ),
    "SIZE_DIFFERS": Rule(
        "error",
        "{total} annotations state another size than their image has; the first: {first}.",
        "Annotate the image as it is now, or restore the image that was annotated.",
    ),
    "MASK_MISSING": Rule(
        "error",
        "{total} images have no mask of the same name; the first: {first}.",
        "Add the mask, or remove the image.",
    ),
    "MASK_UNREADABLE": Rule(
        "error",
        "{total} masks cannot be used; the first: {first}.",
        "Save masks as PNG without loss: one number a pixel, 0 for the background.",
    ),
    "MASK_COLORS": Rule(
        "error",
        "{total} masks are colour pictures; the first: {first}.",
        "Save them with a palette or as grey levels, where the number of a pixel is its class.",
    ),
    "MASKS_COUNT_INSTANCES": Rule(
        "info",
        "The masks number single objects (up to {most}), not classes.",
        "Every object counts as the one class “object”; list names in classes.txt for classes.",
    ),
    "PAIR_REPEATED": Rule(
        "warning",
        "{total} rows repeat a pair of user and item; the first: {first}.",
        "The last one counts; remove the others when that is not meant.",
    ),
    "NUMBER_UNREADABLE": Rule(
        "error",
        "{total} rows of {table} have no number where one belongs; the first: {first}.",
        "Write plain numbers: ratings as 4.5, times as seconds since 1970.",
    ),
    "FEW_INTERACTIONS": Rule(
        "warning",
        "{total} users have fewer than {least} interactions and are never measured.",
        "Add more of what they did, or leave them out.",
    ),
    "NO_TIME": Rule(
        "warning",
        "The interactions have no time, so the last row of a user counts as the newest.",
        "Add a column timestamp.",
    ),
    "ARRAY_UNREADABLE": Rule(
        "error",
        "{table} cannot be read: {reason}.",
        "Save plain numbers only (numpy.savez, MNIST's IDX, CIFAR's batches), or upload PNG files.",
    ),
    "TRANSCRIPT_EMPTY": Rule(
        "error",
        "{total} recordings have no transcript; the first: {first}.",
        "Write down what is said, or remove these rows.",
    ),
    "TRANSCRIPT_ODD": Rule(
        "info",
        "The transcripts use {count} different characters; rare ones: {characters}.",
        "Spell out digits and signs as they are spoken where you can.",
    ),
    "CONFIG_MISSING": Rule(
        "error",
        "README.md names files that are not there: {names}.",
        "Correct data_files under configs in README.md.",
    ),
}
