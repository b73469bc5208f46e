// Phala's own SDK at the other end of a pipe, for crates/testkit/tests/sdk.
//
// One JSON request a line on standard input, one JSON answer a line on standard output:
//
//     {"call": "addComposeHash", "with": {..}}    ->  {"value": .., "said": [..]}
//                                                 or  {"error": {"name", "message", "revert"}, "said": [..]}
//
// `call` is a function of the SDK, called as a stock tool calls it: with a chain, an RPC URL and a
// private key, so that the SDK makes its own clients. The few calls of another name are in `ours`.
import { createInterface } from "node:readline";
import * as sdk from "@phala/cloud";
import { createTestClient, http, publicActions } from "viem";
import { multicall3Bytecode } from "../../../node_modules/viem/_esm/constants/contracts.js";
import { Cloud } from "./cloud.mjs";
import { release } from "./release.mjs";

// The SDK prints (`addComposeHash` every receipt's logs), and standard output is the pipe. Its
// warnings are part of what a tool's user sees, so they are handed on.
let said = [];
console.log = () => {};
console.warn = (...words) => said.push(words.map(String).join(" "));

const chainOf = (id) => {
  const chain = sdk.SUPPORTED_CHAINS[id];
  if (!chain) throw new Error(`the SDK knows no chain ${id}`);
  return chain;
};

const cloud = await Cloud.start();

const ours = {
  /** Puts Multicall3 where the SDK's chain says it is: a local chain has none. */
  async installMulticall({ chainId, rpcUrl }) {
    const chain = chainOf(chainId);
    const client = createTestClient({ chain, mode: "anvil", transport: http(rpcUrl) }).extend(publicActions);
    const { data } = await client.call({ data: multicall3Bytecode });
    await client.setCode({ address: chain.contracts.multicall3.address, bytecode: data });
  },
  /** `phala deploy` of a new version; says what the cloud was told. */
  async release({ chainId, ...update }) {
    cloud.expect(update, chainId);
    try {
      await release(cloud.url, update);
      return { refused: null, told: cloud.told };
    } catch (error) {
      return { refused: error.message, told: cloud.told };
    }
  },
};

async function answer({ call, with: given }) {
  if (ours[call]) return ours[call](given);
  const { chainId, ...request } = given;
  return sdk[call]({ ...request, chain: chainOf(chainId) });
}

/** The data of the revert behind an error. The SDK keeps viem's error as `details`, and its message
 *  does not show the data. */
function revertOf(error) {
  for (let e = error; e; e = e.details instanceof Error ? e.details : e.cause) {
    if (typeof e.raw === "string") return e.raw;
  }
  return null;
}

const write = (value) =>
  process.stdout.write(`${JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v))}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  said = [];
  try {
    const value = await answer(JSON.parse(line));
    write({ value: value ?? null, said });
  } catch (error) {
    write({ error: { name: error.name, message: error.message, revert: revertOf(error) }, said });
  }
}
cloud.stop();
