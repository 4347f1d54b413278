"""What users change about their own account, besides what they sign in with."""

from __future__ import annotations

from collections.abc import Mapping

from authingo import arguments, events, inputs, policy
from authingo.core import Core
from authingo.edits import Edit
from authingo.errors import NoSession
from authingo.models import Client, UserAndSession


class SelfService:
    """The use cases of users about themselves."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def patch_user(
        self,
        *,
        session_token: str | None,
        name: str | None,
        profile: Mapping[str, object] | None,
        client: Client,
    ) -> UserAndSession:
        """See Auth."""
        arguments.require_text_or_none(session_token=session_token, name=name)
        arguments.require_client(client)
        cleaned = None if name is None else inputs.clean_name(name)
        if name is not None and cleaned is None:
            arguments.refuse({"name": policy.BAD_NAME})
        edit = Edit(self._core.profiles, name=cleaned, profile=profile, by_client=True)
        store = await self._core.opened()
        caller = await self._core.cache.ask(session_token)
        edit(caller.user)  # so that what is not acceptable locks nothing
        changed = await store.users.update(caller.user.id, edit=edit, caller=caller.session.id)
        if changed is None:
            raise NoSession
        for one in edit.happened:
            await events.record(
                store,
                events.happened(
                    one, user_id=caller.user.id, session_id=caller.session.id, ip=client.ip
                ),
            )
        return UserAndSession(changed.user, caller.session)
