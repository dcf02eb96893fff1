package examples

// axeScript is the checker, where .ci/install puts it.
const axeScript = "../.build/npm/node_modules/axe-core/axe.min.js"
