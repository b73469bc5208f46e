//! The part of a step in which something is sent: what waits in front, the transaction itself, and the wait for it.

use super::act::Act;
use crate::{Failure, shell::Shell};
use devproof_api::Finality;
use devproof_chain::Sent;
use devproof_operator::{
    self as operator, Included, OperatorError, Plan, Sender, Ticket, Waiting, fees::Fees,
};

/// What waited of the account.
pub(super) enum InFront {
    /// Nothing that matters; the nonce of the next transaction, where it was asked for.
    Nothing(Option<u64>),
    /// It does not wait any more.
    Gone,
    /// The same call, which is in a block by now.
    Included(Included),
}

impl Act {
    /// Deals with what waits of this account before anything else is sent: goes on with the same call, which another run
    /// sent, and waits for others, unless it is to be replaced.
    pub(super) async fn in_front(
        &self,
        sender: &Sender,
        plan: &Plan,
        shell: &mut Shell,
    ) -> Result<InFront, OperatorError> {
        if self.sign.replace || self.sign.dry_run {
            return Ok(InFront::Nothing(None));
        }
        match sender.waiting(&plan.call).await? {
            Waiting::Nothing(nonce) => Ok(InFront::Nothing(Some(nonce))),
            Waiting::Same(ticket) => {
                shell.note(&format!(
                    "Transaction {:#x} with this very call waits already: going on with it.",
                    ticket.transaction
                ));
                match self.wait(sender, &ticket, shell).await {
                    Ok(included) => Ok(InFront::Included(included)),
                    Err(OperatorError::NonceTaken { .. }) => Ok(InFront::Gone),
                    Err(error) => Err(error),
                }
            }
            Waiting::Others { nonces, .. } => {
                let waiting = nonces.waiting.saturating_sub(nonces.included);
                shell.note(&format!(
                    "{waiting} other transactions of {} wait to be included; waiting for them first.",
                    sender.address()
                ));
                sender.clear(nonces, self.waits).await?;
                // The state may be another one now.
                Ok(InFront::Gone)
            }
        }
    }

    /// Sends it, in the place of what waits where that is wanted, and waits for it. `next` is the nonce that was the next one
    /// when it was looked at: if it is another one by now, another run with this key may have done the same.
    pub(super) async fn send(
        &self,
        sender: &Sender,
        plan: &Plan,
        next: Option<u64>,
        (gas, fees): (u64, Fees),
        shell: &mut Shell,
    ) -> Result<Included, OperatorError> {
        let more = |other: Option<&Sent>| other.map_or(fees, |other| fees.to_replace(other));
        let ticket = match sender.waiting(&plan.call).await? {
            Waiting::Nothing(nonce) if next.is_some_and(|next| next != nonce) => {
                return Err(OperatorError::NonceTaken { account: sender.address(), nonce });
            }
            Waiting::Nothing(nonce) => sender.send(&plan.call, gas, fees, nonce, false).await?,
            Waiting::Same(ticket) if self.sign.replace => {
                let other = self.node.transaction(ticket.transaction).await?;
                sender.send(&plan.call, gas, more(other.as_ref()), ticket.nonce, true).await?
            }
            Waiting::Others { nonces, first } if self.sign.replace => {
                sender.send(&plan.call, gas, more(first.as_ref()), nonces.included, true).await?
            }
            // It came since this run looked: look again.
            Waiting::Same(Ticket { nonce, .. }) => {
                return Err(OperatorError::NonceTaken { account: sender.address(), nonce });
            }
            Waiting::Others { nonces, .. } => {
                let (account, nonce) = (sender.address(), nonces.included);
                return Err(OperatorError::NonceTaken { account, nonce });
            }
        };
        shell.note(&format!(
            "Transaction {:#x} (nonce {}) is on its way.",
            ticket.transaction, ticket.nonce
        ));
        self.wait(sender, &ticket, shell).await
    }

    /// Waits until it is included and final enough, through reorgs.
    async fn wait(
        &self,
        sender: &Sender,
        ticket: &Ticket,
        shell: &mut Shell,
    ) -> Result<Included, OperatorError> {
        let finality = match self.finality {
            Finality::Unsafe => operator::Finality::Unsafe,
            Finality::Safe => operator::Finality::Safe,
            Finality::Finalized => operator::Finality::Finalized,
        };
        loop {
            let included = sender.inclusion(ticket, self.waits).await?;
            if !included.succeeded {
                return Ok(included);
            }
            if finality != operator::Finality::Unsafe {
                shell.note(&format!(
                    "It is in block {}; waiting until that is {}.",
                    included.block,
                    finality.name()
                ));
            }
            if sender.finality(&included, finality, self.waits).await?.is_some() {
                return Ok(included);
            }
            shell.note("Its block is not on the chain any more; waiting for another one.");
        }
    }
}

/// Why there is no answer although the transaction is in a block.
pub(super) fn unread(included: &Included, cause: &impl std::fmt::Display) -> Failure {
    Failure::CouldNotTell(format!(
        "transaction {:#x} is in block {}, and what came of it could not be read: {cause}, and run the same command again to see",
        included.transaction, included.block
    ))
}
