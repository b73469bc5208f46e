//! Deletions that an app's key asserts: one alone, a batch, and a tree.

use crate::{Bench, kms_keys::Chain};
use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::SolCall,
};
use devproof_contracts::bindings::registry::{
    DeletionRegistry::{
        SIGNER_PURPOSECall, attestBatchCall, attestCall, attestRootCall, digestOfCall,
        hashBatchCall, hashDeletionCall, hashLeafCall, hashNodeCall, hashRootCall,
        registerSignerCall, userCommitmentCall,
    },
    IDeletionRegistry::{Deletion, DeletionBatch, DeletionRoot},
};
use eyre::Result;

/// Registers the app's key and attests four deletions in each way the registry knows. Gives what was
/// done and in which block. `now` is the time of the chain's next block, Unix seconds.
pub(crate) async fn attest(
    bench: &Bench,
    app: Address,
    compose_hash: B256,
    now: u64,
) -> Result<Vec<(String, u64)>> {
    let mut done = Vec::new();
    let purpose = bench.ask(SIGNER_PURPOSECall {}).await?;
    let chain = bench.keys.chain(app, &purpose)?;
    let call = registerSignerCall {
        app,
        appKey: chain.app_key.clone(),
        derivedKey: chain.derived_key.clone(),
        appSignature: chain.app_signature.clone(),
        kmsSignature: chain.kms_signature.clone(),
    };
    let block = bench.stranger.send(bench.registry, &call).await?.block;
    done.push(("the app's key is registered for deletions".into(), block));

    let mut users = Vec::new();
    for name in ["alice", "bob", "carol", "dave"] {
        let salt = keccak256(format!("salt of {name}"));
        users.push(bench.ask(userCommitmentCall { app, salt, userId: name.into() }).await?);
    }

    if let Some(user) = users.pop() {
        let deletion = Deletion {
            app,
            composeHash: compose_hash,
            userIdHash: user,
            dataHash: keccak256("mailbox"),
            deletedAt: now - 60,
            nonce: word(1),
        };
        let hash = bench.ask(hashDeletionCall { deletion: deletion.clone() }).await?;
        let signature = bench.sign(&chain, hash).await?;
        let call = attestCall { deletion, signature };
        let block = bench.stranger.send(bench.registry, &call).await?.block;
        done.push(("the app attests that one user's data was deleted".into(), block));
    }
    let batch = DeletionBatch {
        app,
        composeHash: compose_hash,
        dataHashes: users.iter().map(keccak256).collect(),
        userIdHashes: users,
        deletedAt: now - 60,
        nonce: word(2),
    };
    let hash = bench.ask(hashBatchCall { batch: batch.clone() }).await?;
    let signature = bench.sign(&chain, hash).await?;
    let call = attestBatchCall { batch, signature };
    let block = bench.stranger.send(bench.registry, &call).await?.block;
    done.push(("and three more in a batch".into(), block));

    let leaf = |index: u64| hashLeafCall {
        index,
        userIdHash: keccak256(format!("user {index}")),
        dataHash: keccak256("everything"),
    };
    let left = bench.ask(leaf(0)).await?;
    let right = bench.ask(leaf(1)).await?;
    let root = bench.ask(hashNodeCall { left, right }).await?;
    let statement = DeletionRoot {
        app,
        composeHash: compose_hash,
        root,
        count: 2,
        deletedAt: now - 60,
        nonce: word(1),
    };
    let hash = bench.ask(hashRootCall { statement: statement.clone() }).await?;
    let signature = bench.sign(&chain, hash).await?;
    let call = attestRootCall { statement, signature };
    let block = bench.stranger.send(bench.registry, &call).await?.block;
    done.push(("and two under one root".into(), block));
    Ok(done)
}

/// A value of 32 bytes that stands for a number.
fn word(number: u64) -> B256 {
    U256::from(number).into()
}

impl Bench {
    /// Asks the registry.
    async fn ask<C: SolCall>(&self, call: C) -> Result<C::Return> {
        Ok(self.node.call(self.registry, &call, None).await?)
    }

    /// Signs what the registry expects to be signed for a struct hash.
    async fn sign(&self, chain: &Chain, hash: B256) -> Result<Bytes> {
        let digest = self.ask(digestOfCall { structHash: hash }).await?;
        chain.sign_digest(&digest.0)
    }
}
