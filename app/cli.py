"""The `tuningfork` command: start, stop and look after a site.

Only light modules are imported here; a command loads what it needs when it runs.
"""

import click

from app.commands import jobs, people, site
from app.commands.admin import admin
from app.commands.backup import backup
from app.commands.badges import badges
from app.commands.bundle import bundle
from app.commands.doctor import doctor
from app.commands.gc import gc
from app.commands.mail import mail
from app.commands.predict import predict
from app.commands.quotas import quotas
from app.commands.rank import rank
from app.commands.restore import restore
from app.commands.sweeps import sweep
from app.commands.tutorials import tutorials


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tuningfork", message="%(prog)s %(version)s")
def main() -> None:
    """Share pretrained models and data sets, and fine-tune them."""


for command in (
    site.up,
    site.down,
    site.migrate,
    site.serve,
    backup,
    admin,
    badges,
    bundle,
    doctor,
    gc,
    mail,
    people.user,
    people.org,
    people.token,
    jobs.check,
    jobs.submit,
    jobs.watch,
    quotas,
    rank,
    predict,
    restore,
    sweep,
    tutorials,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
