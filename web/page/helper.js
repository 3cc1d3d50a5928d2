// helper.js - a Worker that takes its share of the work in the memory of trainer.js, which waits for it.
import { instantiate } from "./module.js";

let parts;

self.onmessage = async ({ data }) => {
  if (data.modules) {
    parts = await instantiate(...data.modules, data.memory);
    self.postMessage("ready");
    return;
  }
  const [engine] = parts;
  parts.forEach((part, i) => (part.__stack_pointer.value = data.stacks[i]));
  try {
    engine.train_help(data.part); // does not return: the Worker is ended from outside
  } catch (error) {
    console.error(error);
    engine.train_stumble();
  }
};
