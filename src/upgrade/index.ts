export { upgradeOpset } from "./upgrade-opset.js";
