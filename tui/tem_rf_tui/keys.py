"""Keys in turn: each goes to what has the focus once the key before it was dealt with."""

from collections import deque

from textual.app import App
from textual.events import Event, Key
from textual.message import Message
from textual.message_pump import MessagePump


class _AfterKey(Message):
    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key


class KeyTaken(_AfterKey):
    """Follows a key from widget to widget; when it reaches the app, all of them are done with the key."""


class FocusSettled(_AfterKey):
    """Passes through the screen; when it reaches the app, the focus is where the key has put it."""


class KeysInTurnApp(App[None]):
    """An app in which no key is lost or taken by the wrong widget, however fast they come.

    Textual hands a key to the widget that has the focus when the key arrives. Typed ahead, while the key before it is
    still opening a form, it would go to what had the focus before the form. Here it waits until the form has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting_keys: deque[Key] = deque()
        self._key: Key | None = None  # the one that is being dealt with
        self._asked: MessagePump | None = None  # where the message that follows it was posted
        self._is_settling = False
        self._is_ready = False

    async def take_keys(self) -> None:
        """Deal with keys from now on; those that came before have waited."""
        self._is_ready = True
        await self._hand_out()

    async def on_event(self, event: Event) -> None:
        """Hold a new key back while another is being dealt with."""
        if not isinstance(event, Key):
            await super().on_event(event)
        elif event.is_forwarded:  # no widget took it: it has come up to the bindings
            await super().on_event(event)
            self._settle(event)
        else:
            self._waiting_keys.append(event)
            if self._is_ready and (self._key is None or not self._will_answer()):
                await self._hand_out()

    def on_key_taken(self, message: KeyTaken) -> None:
        """The widgets are done with the key."""
        message.stop()
        self._settle(message.key)

    async def on_focus_settled(self, message: FocusSettled) -> None:
        """The next key may go."""
        message.stop()
        if message.key is self._key:
            await self._hand_out()

    async def _hand_out(self) -> None:
        self._key, self._is_settling = None, False
        if self._waiting_keys:
            self._key = key = self._waiting_keys.popleft()
            await super().on_event(key)
            if key.is_forwarded:
                self._post(self.focused or self.screen, KeyTaken(key))
            else:  # a binding with priority has had it
                self._settle(key)

    def _settle(self, key: Key) -> None:
        if key is self._key and not self._is_settling:
            self._is_settling = True
            self._post(self.screen, FocusSettled(key))

    def _post(self, place: MessagePump, message: Message) -> None:
        self._asked = place
        place.post_message(message)

    def _will_answer(self) -> bool:
        """Whether what was posted will arrive: not so from a widget that was removed meanwhile."""
        return self._asked is not None and self._asked.is_running
