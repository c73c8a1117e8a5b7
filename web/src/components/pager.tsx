import { t } from '../i18n/text';
import { route, setParams } from '../state/route';
import { useStore } from '../state/store';

/** Pages that the server cuts: onwards, and back to the first. The position is part of the address, so "back" works too. */
export function Pager({ next, note }: { next: string | null; note?: string }) {
  const { params } = useStore(route);
  if (next === null && !params.next) return note ? <p class="pager soft">{note}</p> : null;
  return (
    <p class="pager">
      <span class="soft">{note}</span>
      {params.next && <button type="button" onClick={() => setParams({ next: '' })}>{t('first_page')}</button>}
      {next !== null && <button type="button" onClick={() => setParams({ next })}>{t('more')}</button>}
    </p>
  );
}
