//! The arguments of what is made out of the tree of arguments and documents: completions, man pages, schemas.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

/// Arguments of `devproof completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof completions bash > ~/.local/share/bash-completion/completions/devproof
  devproof completions zsh > ~/.zfunc/_devproof
  devproof completions fish > ~/.config/fish/completions/devproof.fish")]
pub struct CompletionsArgs {
    /// Print them for this shell.
    #[arg(value_name = "SHELL", verbatim_doc_comment)]
    pub shell: Shell,
}

/// Arguments of `devproof schema`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof schema verify > verify.schema.json
  devproof schema app show
  devproof schema > devproof.schema.json")]
pub struct SchemaArgs {
    /// Print that of this verb, in as many words as it has; without one of every verb, under $defs.
    #[arg(value_name = "VERB", verbatim_doc_comment)]
    pub verb: Vec<String>,
}

/// Arguments of `devproof man`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof man --out ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write the pages into this folder, which is made if it is not there.
    #[arg(long, value_name = "FOLDER", verbatim_doc_comment)]
    pub out: PathBuf,
}
