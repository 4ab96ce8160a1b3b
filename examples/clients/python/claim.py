"""Claims an agent and prints where a person reaches it. The client is generated: see README.md."""

import os
import sys

from agent_pool_client import AuthenticatedClient
from agent_pool_client.api.default import claim
from agent_pool_client.models import Claimed, ClaimRequest, PendingClaim

pool = AuthenticatedClient(base_url=os.environ["POOL_URL"], token=os.environ["POOL_API_KEY"], timeout=120)
request = ClaimRequest(agent_name="Tulip", instructions="You help a small club plan its outings.")
outcome = claim.sync(client=pool, body=request, wait=60)
match outcome:
    case Claimed():
        print(f"{outcome.instance_id} is reached at {outcome.invite_url}")
    case PendingClaim():
        print(f"{outcome.instance_id} waits to be accepted until {outcome.accept_by}")
    case problem:
        sys.exit(f"no agent: {problem.code}: {problem.detail}")
