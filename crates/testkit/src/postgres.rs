//! A throw-away PostgreSQL cluster for tests: made in a temporary directory, reachable over a Unix socket in it and, where
//! a test wants that, over a port of this machine alone; gone when dropped. A replica of it likewise.

use eyre::{Context as _, OptionExt as _, Result, bail, ensure};
use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A cold start on a loaded machine with two cores was seen to take four seconds.
const START: Duration = Duration::from_secs(60);

/// Set to `1` where a missing PostgreSQL must fail the tests instead of skipping them.
const REQUIRE: &str = "DEVPROOF_REQUIRE_POSTGRES";

/// The superuser of the cluster; nothing on the machine has this name.
const USER: &str = "devproof";

/// A running cluster. Durable as a real one is (fsync stays on), so that crash tests mean something.
#[derive(Debug)]
pub struct Cluster {
    server: Child,
    directory: TempDir,
    programs: PathBuf,
    account: Option<Account>,
    port: u16,
    databases: AtomicU32,
}

/// Whom to become, because PostgreSQL refuses to run as root.
#[derive(Debug, Clone)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Starts a cluster; `None`, with a line on standard error, if PostgreSQL is not installed.
    ///
    /// # Errors
    /// If it is installed but does not start; or is not, and `DEVPROOF_REQUIRE_POSTGRES` is `1`.
    pub fn start() -> Result<Option<Self>> {
        Self::start_with(&[])
    }

    /// As [`Cluster::start`], with a port on 127.0.0.1 that the kernel chose, and ready to be followed by
    /// [`Cluster::replica`].
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_on_loopback() -> Result<Option<Self>> {
        on_a_free_port(Self::start_with)
    }

    #[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
    fn start_with(settings: &[&str]) -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            ensure!(
                std::env::var(REQUIRE).as_deref() != Ok("1"),
                "{REQUIRE} is 1 but there is no initdb in PATH or /usr/lib/postgresql; install PostgreSQL"
            );
            eprintln!(
                "SKIPPED: no initdb in PATH or /usr/lib/postgresql, nothing was tested on PostgreSQL"
            );
            return Ok(None);
        };
        let account = if output(Command::new("id").arg("-u"))? == "0" {
            Some(Account::find()?)
        } else {
            None
        };
        let directory = directory(account.as_ref())?;
        let data = directory.path().join("data");
        output(
            command(&programs, "initdb", account.as_ref(), directory.path())
                .args([
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                    "--username",
                    USER,
                ])
                .arg(&data),
        )?;
        Self::serve(directory, programs, account, settings).map(Some)
    }

    /// Starts the server on the data that is there.
    fn serve(
        directory: TempDir,
        programs: PathBuf,
        account: Option<Account>,
        settings: &[&str],
    ) -> Result<Self> {
        let log = directory.path().join("log");
        let mut postgres = command(&programs, "postgres", account.as_ref(), directory.path());
        postgres.arg("-D").arg(directory.path().join("data")).arg("-k").arg(directory.path());
        postgres.args(["-c", "listen_addresses="]);
        for setting in settings {
            postgres.args(["-c", setting]);
        }
        let port = settings.iter().find_map(|setting| setting.strip_prefix("port="));
        let port = port.map_or(Ok(5_432), str::parse)?;
        let server = postgres
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?;
        let databases = AtomicU32::new(0);
        let mut cluster = Self { server, directory, programs, account, port, databases };
        cluster.wait_until_ready(&log)?;
        Ok(cluster)
    }

    /// A streaming replica of this cluster, which was started on loopback; a server of its own, on a port of its own.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn replica(&self) -> Result<Self> {
        on_a_free_port(|settings| self.replica_with(settings))
    }

    fn replica_with(&self, settings: &[&str]) -> Result<Self> {
        let directory = directory(self.account.as_ref())?;
        let data = directory.path().join("data");
        let from = self.port.to_string();
        output(
            command(&self.programs, "pg_basebackup", self.account.as_ref(), directory.path())
                .args(["-h", "127.0.0.1", "-p", &from, "-U", USER])
                .args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"])
                .arg(&data),
        )?;
        Self::serve(directory, self.programs.clone(), self.account.clone(), settings)
    }

    /// The URL of a database of this name on the port of this machine.
    pub fn loopback_url(&self, name: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs SQL in a database; gives what it says, a line a row.
    ///
    /// # Errors
    /// What the server says.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        output(self.client("psql").args(["-X", "-A", "-t", "-d", database, "-c", sql]))
    }

    /// Ends the server as a power cut would, as far as its clients can see.
    ///
    /// # Errors
    /// If it cannot be told to.
    pub fn crash(&mut self) -> Result<()> {
        output(Command::new("kill").arg("-QUIT").arg(self.server.id().to_string()))?;
        self.server.wait()?;
        Ok(())
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    /// If the server does not make it.
    pub fn database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        output(self.client("createdb").arg(&name))?;
        Ok(self.url(&name))
    }

    /// The URL of a database of this name, whether it is there or not.
    pub fn url(&self, name: &str) -> String {
        let socket = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}:{}/{name}", self.port)
    }

    fn client(&self, program: &str) -> Command {
        let mut command =
            command(&self.programs, program, self.account.as_ref(), self.directory.path());
        command.arg("-h").arg(self.directory.path()).args(["-U", USER]);
        command.args(["-p", &self.port.to_string()]);
        command
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.server.try_wait()? {
                bail!(
                    "PostgreSQL ended with {status}: {}",
                    fs::read_to_string(log).unwrap_or_default()
                );
            }
            if output(self.client("pg_isready").args(["-d", "postgres"])).is_ok() {
                return Ok(());
            }
            ensure!(begin.elapsed() < START, "PostgreSQL was not ready in {} s", START.as_secs());
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !matches!(self.server.try_wait(), Ok(None)) {
            // It ended before, and its id may be somebody else's by now.
            return;
        }
        // SIGQUIT lets the server end its own children at once; SIGKILL would leave them to find out. It goes to the
        // very process that was started: setpriv replaces itself by the server, so the id is the server's.
        let asked = Command::new("kill").arg("-QUIT").arg(self.server.id().to_string()).status();
        let begin = Instant::now();
        while asked.is_ok() && begin.elapsed() < Duration::from_secs(10) {
            match self.server.try_wait() {
                Ok(None) => sleep(Duration::from_millis(20)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Account {
    /// The account that Debian's package makes, else `nobody`.
    fn find() -> Result<Self> {
        for name in ["postgres", "nobody"] {
            if let Ok(uid) = output(Command::new("id").args(["-u", name])) {
                let gid = output(Command::new("id").args(["-g", name]))?;
                return Ok(Self { uid: uid.parse()?, gid: gid.parse()? });
            }
        }
        bail!(
            "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody"
        )
    }
}

/// Starts something at a port that was free a moment ago: PostgreSQL cannot be told to take any. Somebody else may be
/// faster, though not always.
fn on_a_free_port<T>(start: impl Fn(&[&str]) -> Result<T>) -> Result<T> {
    let mut attempts = 0;
    loop {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        attempts += 1;
        match start(&["listen_addresses=127.0.0.1", &format!("port={port}")]) {
            Err(_) if attempts < 3 => {}
            done => return done,
        }
    }
}

/// A directory that the server may use and nobody else.
fn directory(account: Option<&Account>) -> Result<TempDir> {
    let directory = tempfile::Builder::new().prefix("devproof-pg-").tempdir()?;
    if let Some(Account { uid, gid }) = account {
        chown(directory.path(), Some(*uid), Some(*gid))?;
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700))?;
    Ok(directory)
}

/// A program of PostgreSQL's, as an unprivileged user, in a directory that user may enter.
fn command(programs: &Path, name: &str, account: Option<&Account>, directory: &Path) -> Command {
    let program = programs.join(name);
    let mut command = match account {
        Some(Account { uid, gid }) => {
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={uid}"))
                .arg(format!("--regid={gid}"))
                .arg("--clear-groups");
            // A test that is killed cannot drop anything; its server must not outlive it.
            command.args(["--pdeathsig", "QUIT", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.current_dir(directory).env("LC_ALL", "C");
    command
}

/// The directory that holds `initdb` and its companions, following links, as Debian keeps some of them out of PATH.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Newest last in name order, so from the back.
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    candidates.extend(versions.into_iter().rev());
    candidates.into_iter().find_map(|candidate| {
        let initdb = fs::canonicalize(candidate.join("initdb")).ok()?;
        let directory = initdb.parent()?;
        directory.join("postgres").exists().then(|| directory.to_path_buf())
    })
}

/// Runs to the end; gives what was printed, or an error with what was complained about.
fn output(command: &mut Command) -> Result<String> {
    let done =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    String::from_utf8(done.stdout)
        .ok()
        .map(|text| text.trim().to_owned())
        .ok_or_eyre("output is not UTF-8")
}
