/** Gives the components below a vault, opened here or by the app. */
import type { ReactNode } from 'react';
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react';

import { Cell } from '../cell.ts';
import { readConfig } from '../config.ts';
import { AmanaError, toAmanaError } from '../errors.ts';
import type { HikmaSchema } from '../hikma.ts';
import type { AnyVault, Vault, VaultConfig } from '../vault.ts';
import { openVault } from '../vault.ts';

const VaultContext = createContext<AnyVault | null>(null);

/** Either a vault that the app opened, or how to open one. */
export type AmanaProviderProps = { readonly children?: ReactNode } & (
  | { readonly vault: AnyVault }
  | {
      /**
       * Looked at anew where it is another object: one that is made at each render costs a little. With
       * one that says something else the children go, until its own vault is open.
       */
      readonly config: VaultConfig;
      /** Shown while the vault opens. */
      readonly fallback?: ReactNode;
      /**
       * Shown where it did not open, and with the code `closed` once it was closed or wiped, by
       * whomever: a provider does not open it again by itself, since that would undo what somebody
       * meant. `retry` opens it; after a wipe that is a first run.
       */
      readonly failed?: (error: AmanaError, retry: () => void) => ReactNode;
    }
);

/**
 * Gives the components below a vault. It is not closed when the provider goes. A `vault` that the app
 * opened stays the app's affair: after it was closed the app gives another one.
 */
export function AmanaProvider(props: AmanaProviderProps): ReactNode {
  if ('vault' in props) {
    return <VaultContext value={props.vault}>{props.children}</VaultContext>;
  }
  return <OpeningProvider {...props} />;
}

type OpeningProps = Extract<AmanaProviderProps, { config: VaultConfig }>;
type Opening =
  { readonly vault: AnyVault } | { readonly error: AmanaError } | { readonly waiting: true };
const WAITING: Opening = { waiting: true };

function OpeningProvider(props: OpeningProps): ReactNode {
  const { config, fallback, failed, children } = props;
  const text = useMemo(() => textOf(config), [config]);
  // With the configuration that it is of: what was opened by another one is nothing to show.
  const [shown, setShown] = useState({ text, opening: WAITING });
  const [attempt, setAttempt] = useState(0);
  if (shown.text !== text) setShown({ text, opening: WAITING });
  useEffect(() => {
    let gone = false;
    openVault<unknown>(config).then(
      (vault) => {
        if (!gone) setShown({ text, opening: { vault } });
      },
      (error: unknown) => {
        if (!gone) setShown({ text, opening: { error: toAmanaError(error) } });
      }
    );
    return () => {
      gone = true;
    };
    // the text says all that the configuration says
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [text, attempt]);

  const retry = () => {
    setShown({ text, opening: WAITING });
    setAttempt((n) => n + 1);
  };
  const opening = shown.text === text ? shown.opening : WAITING;
  if ('waiting' in opening) return fallback ?? null;
  if ('error' in opening) return failed?.(opening.error, retry) ?? null;
  return (
    <UntilClosed vault={opening.vault} closed={() => failed?.(wasClosed(), retry) ?? null}>
      {children}
    </UntilClosed>
  );
}

/** The children as long as the vault is open, locked or not. */
function UntilClosed(props: {
  readonly vault: AnyVault;
  readonly closed: () => ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  const { vault, closed, children } = props;
  const cell = useMemo(
    () =>
      new Cell<boolean>({
        read: () => vault.state === 'closed',
        watch: (changed) => vault.onState(changed),
      }),
    [vault]
  );
  const isClosed = useSyncExternalStore(cell.subscribe, cell.get, cell.get);
  return isClosed ? closed() : <VaultContext value={vault}>{children}</VaultContext>;
}

function wasClosed(): AmanaError {
  return new AmanaError('closed', 'the vault was closed or wiped');
}

/** Equal for configurations that say the same; of one that cannot be read, the opening says why. */
function textOf(config: VaultConfig): string {
  try {
    return readConfig(config).text;
  } catch {
    return '';
  }
}

/** The vault of the provider above. */
export function useVault<S = HikmaSchema>(): Vault<S> {
  const vault = useContext(VaultContext);
  if (vault === null) throw new Error('useVault: there is no AmanaProvider above this component');
  return vault as Vault<S>;
}
