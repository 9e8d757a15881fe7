"""The command palette, in windows of any size."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.errors import NoWidget
from textual.events import Click

from retrograde.tui.screens.answering import takes_answer


class CommandsScreen(CommandPalette):
    """Textual's palette; what is asked of its list before it is there, or has a line to show, does nothing."""

    answered = False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Closes, where that is possible now."""
        return super().dismiss(result) if takes_answer(self) else AwaitComplete()

    @property
    def _list(self) -> CommandList | None:
        """The list, while it is there."""
        return next(iter(self.query(CommandList)), None)

    def _action_command_list(self, action: str) -> None:
        commands = self._list
        if commands is None:
            return
        if action not in {"page_up", "page_down"}:
            super()._action_command_list(action)
            return
        # Textual looks for the first line of a command, which has none in a window without room for it.
        rows = max(commands.scrollable_content_region.height // 2, 1)
        if commands.option_count:
            place = (commands.highlighted or 0) + (rows if action == "page_down" else -rows)
            commands.highlighted = min(max(place, 0), commands.option_count - 1)

    def _gather_commands(self, search_value: str) -> object:  # type: ignore[override]  # Textual's makes a worker
        return None if self._list is None else super()._gather_commands(search_value)

    def _on_click(self, event: Click) -> None:  # type: ignore[override]  # so is Textual's
        # Textual asks what is there, where after a resize nothing may be; it would call its own after this one.
        event.prevent_default()
        with suppress(NoWidget):
            super()._on_click(event)

    def _action_cursor_down(self) -> None:
        if self._list is not None:
            super()._action_cursor_down()

    def _watch__list_visible(self) -> None:
        if self._list is not None:
            super()._watch__list_visible()

    async def _watch__show_busy(self) -> None:
        if self._list is not None:
            await super()._watch__show_busy()
