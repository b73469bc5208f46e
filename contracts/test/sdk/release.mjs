// What `phala deploy` (npm `phala` 1.1.18) does to bring a new version of an app onto a CVM that runs,
// call by call, in its order and with its words for what fails. The command itself is not here: it
// would bring many more packages for these five calls of the SDK.
import {
  createClient,
  safeAddComposeHash,
  safeAddDevice,
  safeCheckOnChainPrerequisites,
  safeConfirmCvmPatch,
  safePatchCvm,
} from "@phala/cloud";

/** Throws where the command would stop. The last call is the one that restarts the CVM. */
export async function release(baseURL, { rpcUrl, privateKey }) {
  const client = createClient({ baseURL, apiKey: "none" });
  const id = "2f1f8c5e-6d0e-4a53-9f0c-6b8f4a0d9e11";
  const patch = await safePatchCvm(client, { id, docker_compose_file: "services: {}" });
  if (!patch.success) throw new Error(patch.error.message);
  const { composeHash, deviceId, appId, kmsInfo } = patch.data;
  const { chain } = kmsInfo;

  const found = await safeCheckOnChainPrerequisites({ chain, rpcUrl, appAddress: appId, deviceId, composeHash });
  if (!found.success) {
    throw new Error(`Failed to check on-chain prerequisites (contract: ${appId}): ${found.error.message}`);
  }
  if (!found.data.deviceAllowed) {
    const added = await safeAddDevice({ chain, rpcUrl, appAddress: appId, deviceId, privateKey });
    if (!added.success) {
      const device = `${deviceId.slice(0, 10)}...`;
      throw new Error(`Failed to register device on-chain (device: ${device}): ${added.error.message}`);
    }
  }
  // Also where the prerequisites said that it is allowed already.
  const added = await safeAddComposeHash({ chain, rpcUrl, appId, composeHash, privateKey });
  if (!added.success) {
    const hash = `${composeHash.slice(0, 10)}...`;
    throw new Error(`Failed to register compose hash on-chain (hash: ${hash}): ${added.error.message}`);
  }
  const { transactionHash } = added.data;
  const confirmed = await safeConfirmCvmPatch(client, { id, composeHash, transactionHash });
  if (!confirmed.success) throw new Error(confirmed.error.message);
}
