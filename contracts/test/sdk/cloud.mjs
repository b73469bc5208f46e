// A stand-in for the platform behind the SDK: just enough of its update of a CVM to see when it would
// restart one. It believes what it is told, which is the worst case for the app's users.
import { createServer } from "node:http";

/** The platform's answer "this compose hash has to be on the chain first". */
const HASH_REQUIRED = 465;

/** Listens on a loopback port that the kernel chose. */
export class Cloud {
  /** What the platform was told by requests that restart the CVM. */
  told = [];
  #server;
  #needed = [];

  static async start() {
    const cloud = new Cloud();
    cloud.#server = createServer((request, response) => cloud.#answer(request, response));
    await new Promise((resolve) => cloud.#server.listen(0, "127.0.0.1", resolve));
    return cloud;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Gets ready for an update of one CVM: what it needs on the chain, in the platform's words. */
  expect({ appId, composeHash, deviceId }, chainId) {
    this.told = [];
    this.#needed = [
      { field: "compose_hash", value: composeHash },
      // The platform writes app ids without 0x.
      { field: "app_id", value: appId.toLowerCase().replace(/^0x/, "") },
      { field: "device_id", value: deviceId },
      {
        field: "kms_info",
        value: {
          id: "kms",
          slug: null,
          url: "https://kms.example.org",
          version: "v0.5.4",
          chain_id: chainId,
          kms_contract_address: null,
          gateway_app_id: null,
        },
      },
    ];
  }

  #answer(request, response) {
    const restarts = request.headers["x-transaction-hash"];
    if (restarts) {
      this.told.push({ composeHash: request.headers["x-compose-hash"], transactionHash: restarts });
    }
    const body = restarts
      ? { correlation_id: "restarting" }
      : {
          error_code: "ERR-01-005",
          message: "Compose hash registration required on-chain",
          details: this.#needed,
        };
    request.resume();
    response.writeHead(restarts ? 200 : HASH_REQUIRED, { "Content-Type": "application/json" });
    response.end(JSON.stringify(body));
  }
}
