"""Keys in turn: each goes to the focused widget after the previous key has been handled."""

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
    """Follows a key from widget to widget; when it reaches the app, all of them have handled the key."""


class FocusSettled(_AfterKey):
    """Passes through the screen; when it reaches the app, the focus change caused by the key is done."""


class KeysInTurnApp(App[None]):
    """An app in which no key is lost or goes to the wrong widget, however fast keys arrive.

    Textual sends a key to the widget that has the focus when the key arrives. A key typed ahead, while the previous key
    is still opening a form, would go to the widget that had the focus before. Here it waits until the form has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting_keys: deque[Key] = deque()
        self._key: Key | None = None  # the one being handled
        self._asked: MessagePump | None = None  # where the message following it was posted
        self._is_settling = False
        self._is_ready = False

    async def take_keys(self) -> None:
        """Handle keys from now on, starting with those that arrived earlier."""
        self._is_ready = True
        await self._hand_out()

    async def on_event(self, event: Event) -> None:
        """Hold back a new key while another is being handled."""
        if not isinstance(event, Key):
            await super().on_event(event)
        elif event.is_forwarded:  # no widget used it, so it reached the bindings
            await super().on_event(event)
            self._settle(event)
        else:
            self._waiting_keys.append(event)
            if self._is_ready and (self._key is None or not self._will_answer()):
                await self._hand_out()

    def on_key_taken(self, message: KeyTaken) -> None:
        """Note that the widgets have handled the key."""
        message.stop()
        self._settle(message.key)

    async def on_focus_settled(self, message: FocusSettled) -> None:
        """Hand out the next key."""
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
            else:  # a priority binding has handled it
                self._settle(key)

    def _settle(self, key: Key) -> None:
        if key is self._key and not self._is_settling:
            self._is_settling = True
            self._post(self.screen, FocusSettled(key))

    def _post(self, place: MessagePump, message: Message) -> None:
        self._asked = place
        place.post_message(message)

    def _will_answer(self) -> bool:
        """Whether the posted message will arrive: not if its widget was removed meanwhile."""
        return self._asked is not None and self._asked.is_running
