/*
 * Node hands every native run to a pool of four threads, which take turns. A timed run on another core than the one
 * before finds its caches cold, which no program that runs a model itself would see. The pool reads its size when it is
 * first used: this module has to be imported before everything else.
 */
if (process.argv.some((argument) => argument === "bench" || argument.startsWith("--keep-latency"))) {
  process.env["UV_THREADPOOL_SIZE"] ??= "1";
}
