"""What the configuration says of the server reaches the server."""

from tests.door import DoorClient, leading_agent

AUTOPILOT = """
autopilot { min_quorum = 3 redundancy_zone_tag = "zone" disable_upgrade_migration = true upgrade_version_tag = "build" }
"""


async def test_autopilot_starts_with_all_that_is_configured() -> None:
    """Also with what only Enterprise acts on."""
    async with leading_agent(AUTOPILOT) as agent:
        found = (await DoorClient(agent).get("/v1/operator/autopilot/configuration")).body
    assert (found["MinQuorum"], found["RedundancyZoneTag"]) == (3, "zone")
    assert (found["DisableUpgradeMigration"], found["UpgradeVersionTag"]) == (True, "build")
