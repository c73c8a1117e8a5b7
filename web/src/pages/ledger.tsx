import { Await, Card } from '../components/basics';
import { useLoad } from '../state/load';

export function LedgerPage() {
  const list = useLoad<unknown>('api/v1/ledgers');
  return <Card><Await from={list}>{(data) => <pre tabIndex={0}>{JSON.stringify(data, null, 2)}</pre>}</Await></Card>;
}
