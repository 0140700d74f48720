//! placeholder
#[derive(clap::Args, Clone, Debug)]
pub struct Options {}
pub async fn run(_: Options) -> roundtable_kernel::error::Result<()> {
    Ok(())
}
