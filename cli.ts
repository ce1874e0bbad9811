#!/usr/bin/env node
import "./src/cli/one-pool-thread.js";
import { main } from "./src/cli/main.js";

process.exitCode = await main(process.argv.slice(2));
