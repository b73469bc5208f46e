//! Transactions: signed, handed to a node, and waited for.
//!
//! Nothing is kept between two runs. The hash is known before anything is sent; what a node did not take, or lost, is
//! given to it again, byte by byte the same, so that nothing can happen twice.

use crate::{Call, OperatorError, fees::Fees, keys::Key};
use alloy::{
    eips::eip2718::Encodable2718,
    network::{NetworkTransactionBuilder, TransactionBuilder, TransactionBuilderError},
    primitives::{Address, B256},
    rpc::types::TransactionRequest,
    signers,
};
pub use devproof_chain::Included;
use devproof_chain::{ChainError, Node, Nonces, Sent};
use devproof_primitives::BlockRef;
use std::time::{Duration, Instant};

/// An account, and the node its transactions go through.
#[derive(Clone, Debug)]
pub struct Sender {
    node: Node,
    key: Key,
}

/// A transaction that was handed to a node, or may have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its hash.
    pub transaction: B256,
    /// Its nonce.
    pub nonce: u64,
    /// Its bytes, to be given to the node again; none if another run sent it.
    signed: Vec<u8>,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For a block that holds it.
    pub inclusion: Duration,
    /// For that block to be final enough.
    pub finality: Duration,
    /// How often the node is asked.
    pub poll: Duration,
}

/// What of an account waits to be included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing: the next transaction has this nonce.
    Nothing(u64),
    /// The same call: another run sent it.
    Same(Ticket),
    /// Others, as many as this, from this nonce on; the first of them, where the node shows it.
    Others {
        /// The nonces.
        nonces: Nonces,
        /// The first of them.
        first: Option<Sent>,
    },
}

/// The most transactions that wait of an account that are looked at. Nobody sends that many by hand.
const MOST_WAITING: u64 = 16;
/// How often it has to be seen that a nonce is gone before a receipt is not waited for any more: a node may know the one
/// before the other.
const SURE: u32 = 3;

impl Sender {
    /// An account on a chain.
    #[must_use]
    pub const fn new(node: Node, key: Key) -> Self {
        Self { node, key }
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.key.address()
    }

    /// What of this account waits to be included, and whether it is this very call.
    ///
    /// # Errors
    /// What the node says.
    pub async fn waiting(&self, call: &Call) -> Result<Waiting, OperatorError> {
        let nonces = self.node.nonces(self.address()).await?;
        if nonces.waiting == nonces.included {
            return Ok(Waiting::Nothing(nonces.included));
        }
        let mut first = None;
        let last = nonces.waiting.min(nonces.included.saturating_add(MOST_WAITING));
        for nonce in nonces.included..last {
            let Some(sent) = self.node.transaction_at(self.address(), nonce).await else {
                continue;
            };
            if sent.to == Some(call.target) && sent.input == call.data {
                let Sent { hash: transaction, nonce, .. } = sent;
                return Ok(Waiting::Same(Ticket { transaction, nonce, signed: Vec::new() }));
            }
            if nonce == nonces.included {
                first = Some(sent);
            }
        }
        Ok(Waiting::Others { nonces, first })
    }

    /// Signs a call and hands it to the node. `replaces` says that one with this nonce waits and is to give way.
    ///
    /// # Errors
    /// [`OperatorError::NonceTaken`] if another transaction has this nonce by now, [`OperatorError::Underpriced`],
    /// [`OperatorError::TooPoor`], or what the node says. If it cannot be reached the transaction may be on its way all
    /// the same: then there is a ticket, and waiting tells.
    pub async fn send(
        &self,
        call: &Call,
        gas: u64,
        fees: Fees,
        nonce: u64,
        replaces: bool,
    ) -> Result<Ticket, OperatorError> {
        let request = TransactionRequest::default()
            .with_from(self.address())
            .with_to(call.target)
            .with_input(call.data.clone())
            .with_chain_id(self.node.chain_id())
            .with_nonce(nonce)
            .with_gas_limit(gas)
            .with_max_fee_per_gas(fees.most)
            .with_max_priority_fee_per_gas(fees.tip);
        let signed = request.build(self.key.wallet()).await.map_err(|error| match error {
            TransactionBuilderError::Signer(signers::Error::Other(error)) => {
                OperatorError::Unsigned(error.to_string())
            }
            error => OperatorError::Key(format!("the transaction could not be signed ({error})")),
        })?;
        let ticket =
            Ticket { transaction: *signed.tx_hash(), nonce, signed: signed.encoded_2718() };
        match self.node.broadcast(&ticket.signed).await {
            Ok(()) => Ok(ticket),
            Err(error @ ChainError::Unreachable { .. }) => {
                tracing::warn!(%error, "it may be on its way all the same");
                Ok(ticket)
            }
            Err(error) => self.judge(error, ticket, replaces),
        }
    }

    /// What a node means that does not take a transaction. All of them say it in words only.
    fn judge(
        &self,
        error: ChainError,
        ticket: Ticket,
        replaces: bool,
    ) -> Result<Ticket, OperatorError> {
        let ChainError::Refused { message, .. } = &error else { return Err(error.into()) };
        let said = message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let known = says(&["already known", "already imported"]);
        if known || said.starts_with("known transaction") {
            return Ok(ticket);
        }
        let (account, nonce) = (self.address(), ticket.nonce);
        let taken = says(&["nonce too low", "nonce is too low", "old nonce", "nonce has already"]);
        // One that waits is in the way: of another run, unless it is to be replaced.
        let in_the_way = says(&["replacement", "gas price too low to replace"]);
        let low = says(&["underpriced", "less than block base fee", "max fee per gas less"]);
        Err(if taken || in_the_way && !replaces {
            OperatorError::NonceTaken { account, nonce }
        } else if in_the_way || low {
            OperatorError::Underpriced(message.clone())
        } else if says(&["insufficient funds", "insufficient balance"]) {
            OperatorError::TooPoor { account, said: message.clone() }
        } else {
            error.into()
        })
    }

    /// Waits until a transaction is in a block.
    ///
    /// # Errors
    /// [`OperatorError::Stuck`] after `waits.inclusion`, or [`OperatorError::Unseen`] if the node does not answer by then;
    /// [`OperatorError::NonceTaken`] if another one with its nonce is in a block
    /// instead; what the node says, unless asking again mends it.
    pub async fn inclusion(
        &self,
        ticket: &Ticket,
        waits: Waits,
    ) -> Result<Included, OperatorError> {
        let Ticket { transaction, nonce, .. } = *ticket;
        let (since, mut gone) = (Instant::now(), 0);
        loop {
            let mut unanswered = None;
            match self.look(ticket).await {
                Ok(Found::Included(included)) => return Ok(included),
                Ok(Found::Gone) => gone += 1,
                Ok(Found::Waits) => gone = 0,
                Err(error) if error.is_passing() => {
                    tracing::warn!(%error, "waiting");
                    unanswered = Some(Box::new(error));
                }
                Err(error) => return Err(error.into()),
            }
            if gone >= SURE {
                return Err(OperatorError::NonceTaken { account: self.address(), nonce });
            }
            if since.elapsed() >= waits.inclusion {
                return Err(match unanswered {
                    Some(cause) => OperatorError::Unseen { transaction, nonce, cause },
                    None => OperatorError::Stuck { transaction, nonce },
                });
            }
            tokio::time::sleep(waits.poll).await;
        }
    }

    async fn look(&self, ticket: &Ticket) -> Result<Found, ChainError> {
        if let Some(included) = self.node.included(ticket.transaction).await? {
            return Ok(Found::Included(included));
        }
        if self.node.nonces(self.address()).await?.included > ticket.nonce {
            return Ok(Found::Gone);
        }
        if !ticket.signed.is_empty() && self.node.transaction(ticket.transaction).await?.is_none() {
            tracing::info!(transaction = %ticket.transaction, "the node does not know it: giving it again");
            if let Err(error) = self.node.broadcast(&ticket.signed).await {
                tracing::debug!(%error, "it was not taken");
            }
        }
        Ok(Found::Waits)
    }

    /// Waits until everything that waits of this account from before is included.
    ///
    /// # Errors
    /// [`OperatorError::Behind`] after `waits.inclusion`, or what the node says.
    pub async fn clear(&self, before: Nonces, waits: Waits) -> Result<(), OperatorError> {
        let since = Instant::now();
        loop {
            let now = self.node.nonces(self.address()).await?;
            if now.included >= before.waiting {
                return Ok(());
            }
            if since.elapsed() >= waits.inclusion {
                return Err(OperatorError::Behind {
                    account: self.address(),
                    waiting: before.waiting.saturating_sub(now.included),
                    nonce: now.included,
                });
            }
            tokio::time::sleep(waits.poll).await;
        }
    }

    /// Waits until the block of a transaction is final enough. `None` if the block is not on the chain any more: then the
    /// transaction has to be waited for again.
    ///
    /// # Errors
    /// [`OperatorError::NotFinal`] after `waits.finality`, or [`OperatorError::Unwatched`] if the node does not answer by then;
    /// what the node says, unless asking again mends it.
    pub async fn finality(
        &self,
        included: &Included,
        finality: Finality,
        waits: Waits,
    ) -> Result<Option<BlockRef>, OperatorError> {
        let since = Instant::now();
        loop {
            let mut unanswered = None;
            match self.how_final(included, finality).await {
                Ok(Some(None)) => return Ok(None),
                Ok(Some(Some(block))) => return Ok(Some(block)),
                Ok(None) => {}
                Err(error) if error.is_passing() => {
                    tracing::warn!(%error, "waiting");
                    unanswered = Some(Box::new(error));
                }
                Err(error) => return Err(error.into()),
            }
            if since.elapsed() >= waits.finality {
                let (transaction, block) = (included.transaction, included.block);
                let finality = match finality {
                    // A node behind the one that showed the receipt.
                    Finality::Unsafe => "on the node's chain",
                    finality => finality.name(),
                };
                return Err(match unanswered {
                    Some(cause) => OperatorError::Unwatched { transaction, block, cause },
                    None => OperatorError::NotFinal { transaction, block, finality },
                });
            }
            tokio::time::sleep(waits.poll).await;
        }
    }

    /// `None`: not yet. `Some(None)`: it is gone.
    async fn how_final(
        &self,
        included: &Included,
        finality: Finality,
    ) -> Result<Option<Option<BlockRef>>, ChainError> {
        let heads = self.node.heads().await?;
        let Some(block) = self.node.block(included.block).await? else { return Ok(Some(None)) };
        if block.hash != included.block_hash {
            return Ok(Some(None));
        }
        let head = match finality {
            Finality::Unsafe => Some(heads.latest),
            Finality::Safe => heads.safe,
            Finality::Finalized => heads.finalized,
        };
        Ok(head.filter(|head| head.number >= block.number).map(|_| Some(block)))
    }
}

/// Where a transaction is.
enum Found {
    Included(Included),
    /// Its nonce is used, and not by it as far as the node says.
    Gone,
    Waits,
}

/// How final a block is to be, by the node's own tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// On the chain.
    Unsafe,
    /// `safe`.
    Safe,
    /// `finalized`.
    Finalized,
}

impl Finality {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsafe => "unsafe",
            Self::Safe => "safe",
            Self::Finalized => "finalized",
        }
    }
}
