//! The way of every step: read, plan, check, execute here, show, ask, send, wait, read again.

use super::{
    checks::Checks,
    document::{Cost, Ended, Report, Transaction, timestamp},
    outcome,
    sending::{InFront, unread},
    signer::Signer,
    words,
};
use crate::{Failure, Outcome, config::Settings, opts::SignArgs, shell::Shell};
use alloy_primitives::Address;
use devproof_api::Finality;
use devproof_chain::Node;
use devproof_operator::{
    self as operator, Action, Included, OperatorError, Plan, Sender, Simulation, Standing, Waits,
    fees::{Fees, Wanted},
    preflight, safe,
};
use std::{
    fs,
    time::{Duration, SystemTime},
};

/// How often a step is begun anew because another transaction of the account was faster.
const ATTEMPTS: u32 = 4;
/// How often a node on this machine is asked, and one elsewhere.
const POLL: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];
/// Gas that is allowed beyond what was needed here, in percent: what is sent does not run on quite the same state.
const MARGIN: u64 = 25;

/// What is wanted.
#[derive(Debug)]
pub(super) struct Wish {
    /// The app; `None` for one that is to be deployed.
    pub(super) app: Option<Address>,
    pub(super) action: Action,
    /// What is looked at before.
    pub(super) checks: Checks,
    /// Whether to wait until it may be done.
    pub(super) when_ripe: bool,
}

/// Connects to the node, and makes sure that it is the one that is meant.
pub(super) async fn node(settings: &Settings, signs: bool) -> Result<Node, Failure> {
    let node = settings.nodes.connect().await?.ok_or_else(|| {
        Failure::Usage("name a node with --rpc-url, DEVPROOF_RPC_URL or in devproof.toml".into())
    })?;
    let serves = node.chain_id();
    match settings.chain {
        Some(chain) if chain != serves => Err(Failure::Usage(format!(
            "the node serves chain {serves} and the configuration says {chain}: name a node of that chain"
        ))),
        None if signs => Err(Failure::Usage(format!(
            "say which chain is meant, so that nothing is ever sent to another one: the node serves --chain {serves}"
        ))),
        _ => Ok(node),
    }
}

/// Does what is wanted, or says why not.
pub(super) async fn carry_out(
    wish: Wish,
    sign: SignArgs,
    settings: &Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let sign = settings.signing(sign);
    let node = node(settings, true).await?;
    let finality = settings.finality(sign.finality, node.chain_id());
    let local = Finality::default_of(node.chain_id()) == Finality::Unsafe;
    let [near, far] = POLL;
    let waits = Waits {
        inclusion: Duration::from_secs(sign.inclusion_seconds),
        finality: Duration::from_secs(sign.finality_seconds),
        poll: if local { near } else { far },
    };
    let act = Act { node, sign, finality, waits };
    act.run(&wish, shell).await
}

/// What came of executing it before it is signed.
enum Executed {
    /// It would do what it is to do, with so much gas.
    Succeeds { gas: u64 },
    /// It would be refused.
    Refused,
    /// It would be refused on another state than the one that was looked at.
    Moved,
}

/// A step on the way.
pub(super) struct Act {
    pub(super) node: Node,
    pub(super) sign: SignArgs,
    pub(super) finality: Finality,
    pub(super) waits: Waits,
}

impl Act {
    async fn run(&self, wish: &Wish, shell: &mut Shell) -> Result<Outcome, Failure> {
        let (mut signer, mut confirmed) = (None, None);
        for attempt in 1..=ATTEMPTS {
            // Whether an ownership is accepted already is a question of who signs.
            if wish.action == Action::AcceptOwnership && signer.is_none() {
                signer = Some(Signer::of(&self.sign, shell).await?);
            }
            let plan = self.plan(wish, signer.as_ref(), shell).await?;
            let effect = match &plan.standing {
                Standing::Go(effect) => *effect,
                _ => return self.settled(wish, &plan, shell).await,
            };
            let signer = match &mut signer {
                Some(signer) => signer,
                none => none.insert(Signer::of(&self.sign, shell).await?),
            };
            let mut next = None;
            if let Signer::Key(key) = signer {
                let sender = Sender::new(self.node.clone(), key.clone());
                match self.in_front(&sender, &plan, shell).await? {
                    InFront::Nothing(nonce) => next = nonce,
                    InFront::Gone => continue,
                    InFront::Included(included) => {
                        let mut report = Report::of(&plan, Ended::Done);
                        report.from = Some(sender.address());
                        return self.included(wish, &plan, &sender, included, report, shell).await;
                    }
                }
            }
            let mut report = Report::of(&plan, Ended::Shown);
            report.checks = wish.checks.run(&self.node, &plan).await?;
            if !preflight::passed(&report.checks) {
                return refused(&plan, report, shell);
            }
            let from = signer.caller(&plan);
            report.from = Some(from);
            let gas = match self.executed(&plan, from, &mut report).await? {
                Executed::Succeeds { gas } => gas,
                Executed::Moved if attempt < ATTEMPTS => continue,
                Executed::Moved | Executed::Refused => return finish(&plan, report, shell),
            };
            match signer {
                Signer::Safe(safe) => {
                    return self.for_safe(*safe, &plan, effect, report, shell).await;
                }
                Signer::Calldata | Signer::Nobody(_) => {
                    shell.tell(&words::plan(&plan, effect, &report))?;
                    if matches!(signer, Signer::Calldata) {
                        shell.tell(&words::calldata(&report))?;
                    }
                    return finish(&plan, report, shell);
                }
                Signer::Key(key) => {
                    let sender = Sender::new(self.node.clone(), key.clone());
                    let fees = Fees::now(&self.node, self.wanted()).await?;
                    report.cost = Some(Cost::of(gas, fees));
                    if confirmed.as_ref() != Some(&plan.call) {
                        shell.tell(&words::plan(&plan, effect, &report))?;
                        if self.sign.dry_run {
                            return finish(&plan, report, shell);
                        }
                        if !self.confirm(shell)? {
                            report.outcome = Ended::Refused;
                            report.reason = Some("the answer was not yes".to_owned());
                            return finish(&plan, report, shell);
                        }
                        confirmed = Some(plan.call.clone());
                    }
                    match self.send(&sender, &plan, next, (gas, fees), shell).await {
                        Ok(included) => {
                            return self
                                .included(wish, &plan, &sender, included, report, shell)
                                .await;
                        }
                        Err(OperatorError::NonceTaken { .. }) if attempt < ATTEMPTS => {
                            shell.note(
                                "Another transaction of this account was faster; looking again.",
                            );
                            tokio::time::sleep(self.waits.poll).await;
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Err(Failure::CouldNotTell(
            "other transactions of this account were faster each time; run it again when nothing else uses the key".into(),
        ))
    }

    /// Where nothing is to be sent. What the platform says is compared all the same: it may be something else by now.
    async fn settled(
        &self,
        wish: &Wish,
        plan: &Plan,
        shell: &mut Shell,
    ) -> Result<Outcome, Failure> {
        let ended = match plan.standing {
            Standing::Done(_) => Ended::Already,
            Standing::TooEarly { .. } => Ended::TooEarly,
            _ => return finish(plan, Report::of(plan, Ended::Refused), shell),
        };
        let mut report = Report::of(plan, ended);
        report.checks = wish.checks.again(&self.node, plan).await?;
        if !preflight::passed(&report.checks) {
            return refused(plan, report, shell);
        }
        finish(plan, report, shell)
    }

    /// The plan; waits for ripeness where that is wanted.
    async fn plan(
        &self,
        wish: &Wish,
        signer: Option<&Signer>,
        shell: &mut Shell,
    ) -> Result<Plan, Failure> {
        let from = signer.and_then(Signer::address);
        let mut told = false;
        loop {
            let plan = operator::plan(&self.node, wish.app, wish.action.clone(), from).await?;
            let Standing::TooEarly { ripe_at, .. } = plan.standing else { return Ok(plan) };
            if !wish.when_ripe {
                return Ok(plan);
            }
            if !told {
                shell.note(&format!("Waiting until {}.", words::time(ripe_at)));
                told = true;
            }
            // The chain's clock decides; a node that goes to sleep meanwhile is asked again.
            let left = Duration::from_secs(ripe_at.saturating_sub(plan.next_time));
            tokio::time::sleep(left.min(Duration::from_secs(30)).max(self.waits.poll)).await;
        }
    }

    /// Executes it here, and lets the node say how much gas it takes. Where it would be refused the report says why.
    async fn executed(
        &self,
        plan: &Plan,
        from: Address,
        report: &mut Report,
    ) -> Result<Executed, Failure> {
        let refuse = |report: &mut Report, why: String| {
            report.outcome = Ended::Refused;
            report.reason = Some(why);
        };
        let node = &self.node;
        let gas =
            match operator::simulate(node, plan.block, plan.next_time, from, &plan.call).await? {
                Simulation::Refused(why) => {
                    refuse(report, why);
                    return Ok(Executed::Refused);
                }
                Simulation::Succeeds { gas, .. } => gas,
            };
        report.simulated_on = Some(plan.block.number);
        let estimate = node.estimate_gas(from, plan.call.target, &plan.call.data).await;
        let gas = match estimate {
            Ok(estimate) => gas.max(estimate),
            // The node's clock stands at its newest block, in which it is not ripe yet.
            Err(error) if matches!(plan.action, Action::Activate { .. }) => {
                tracing::warn!(%error, "the node would not execute it yet");
                gas
            }
            Err(devproof_chain::ChainError::Reverted { reason, .. }) => {
                refuse(report, reason);
                // The node answers from its newest block, in which another run may have done it.
                let moved = node.heads().await?.latest.hash != plan.block.hash;
                return Ok(if moved { Executed::Moved } else { Executed::Refused });
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Executed::Succeeds { gas: gas.saturating_add(gas.saturating_mul(MARGIN) / 100) })
    }

    const fn wanted(&self) -> Wanted {
        Wanted { most: self.sign.max_fee, tip: self.sign.tip }
    }

    fn confirm(&self, shell: &mut Shell) -> Result<bool, Failure> {
        if self.sign.yes {
            return Ok(true);
        }
        shell.ask("Sign and send this?")?.ok_or_else(|| {
            Failure::Usage(
                "nothing was sent: there is nobody to ask, so say --yes, or --dry-run".into(),
            )
        })
    }

    /// Tells what came of it, as the chain has it now.
    async fn included(
        &self,
        wish: &Wish,
        plan: &Plan,
        sender: &Sender,
        included: Included,
        mut report: Report,
        shell: &mut Shell,
    ) -> Result<Outcome, Failure> {
        let block = self.node.block(included.block).await.map_err(|e| unread(&included, &e))?;
        report.transaction = Some(Transaction {
            hash: included.transaction,
            block: included.block,
            block_hash: included.block_hash,
            timestamp: block.and_then(|block| timestamp(block.timestamp)).unwrap_or_default(),
            finality: self.finality.name(),
            gas_used: included.gas_used,
            cost: included.gas_price.saturating_mul(u128::from(included.gas_used)),
        });
        let from = Some(sender.address());
        let now = operator::plan(&self.node, wish.app, wish.action.clone(), from).await;
        let now = now.map_err(|e| unread(&included, &e))?;
        if !included.succeeded {
            report.outcome = Ended::Failed;
            let why = match now.standing {
                Standing::Done(_) => "somebody else did the same before it",
                _ => "the state of the chain was another one by then; run it again to see which",
            };
            report.reason = Some(format!(
                "transaction {:#x} was included in block {} and did nothing: {why}",
                included.transaction, included.block
            ));
            return finish(plan, report, shell);
        }
        report.outcome = Ended::Done;
        if let Some((ripe, expires)) = operator::announced_in(plan.app, &included.logs) {
            report.ripe_at = timestamp(ripe);
            report.expires_at = timestamp(expires);
        }
        if !matches!(now.standing, Standing::Done(_)) {
            return Err(Failure::CouldNotTell(format!(
                "transaction {:#x} succeeded in block {}, and the contract is not as wanted all the same: somebody changed it since, so \
                 look with `devproof status`",
                included.transaction, included.block
            )));
        }
        finish(plan, report, shell)
    }

    /// Writes the file for a Safe.
    async fn for_safe(
        &self,
        safe: Address,
        plan: &Plan,
        effect: operator::Effect,
        mut report: Report,
        shell: &mut Shell,
    ) -> Result<Outcome, Failure> {
        let prepared = safe::prepare(&self.node, safe, &plan.call, self.sign.safe_nonce).await?;
        shell.tell(&words::plan(plan, effect, &report))?;
        if self.sign.dry_run {
            report.safe = Some(prepared);
            return finish(plan, report, shell);
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = since.map_or(0, |since| since.as_secs());
        let name = format!("devproof {}", plan.action.name());
        let file = safe::builder_file(&prepared, &plan.call, &name, now);
        let path = self.sign.safe_file.display();
        let could_not =
            |why: String| Failure::CouldNotTell(format!("{path} could not be written ({why})"));
        let text = serde_json::to_string_pretty(&file).map_err(|e| could_not(e.to_string()))?;
        fs::write(&self.sign.safe_file, text + "\n").map_err(|e| could_not(e.to_string()))?;
        shell
            .tell(&format!("Written to {path}: import it into the Safe's Transaction Builder."))?;
        report.safe = Some(prepared);
        report.outcome = Ended::ForSafe;
        finish(plan, report, shell)
    }
}

/// Ends where a check does not pass.
fn refused(plan: &Plan, mut report: Report, shell: &mut Shell) -> Result<Outcome, Failure> {
    let failed = report.checks.iter().filter(|it| it.result == preflight::Verdict::Fail);
    let names: Vec<_> = failed.map(|it| it.id).collect();
    report.reason = Some(format!("{} does not pass", names.join(", ")));
    report.outcome = Ended::Refused;
    shell.tell(&words::checks(&report.checks))?;
    finish(plan, report, shell)
}

fn finish(plan: &Plan, report: Report, shell: &mut Shell) -> Result<Outcome, Failure> {
    shell.answer(&report, || outcome::ended(plan, &report))?;
    Ok(match report.outcome {
        Ended::Done | Ended::Already | Ended::Shown | Ended::ForSafe => Outcome::Yes,
        Ended::Refused | Ended::Failed => Outcome::No,
        Ended::TooEarly => Outcome::CouldNotTell,
    })
}
