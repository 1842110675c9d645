// @ts-check
// Writing questions and answers: drafts kept on the server, and tags offered while one types.
import { keepDrafts } from "./lib/drafts.js";
import { offerTags } from "./lib/tags.js";

keepDrafts(document);
offerTags(document);
