import { useEffect } from 'react';

// TabList makes GraphiQL's tabs a list of buttons for assistive technology.
// GraphiQL gives the role of a tab to items that contain two buttons, which no
// screen reader can reach there.
export function TabList() {
  useEffect(() => {
    const list = document.querySelector('.graphiql-tabs');
    const correct = () => {
      list.removeAttribute('role');
      for (const item of list.children) {
        item.removeAttribute('role');
        item.removeAttribute('aria-selected');
        const open = item.classList.contains('graphiql-tab-active');
        item.querySelector('button')?.setAttribute('aria-current', String(open));
      }
      const panel = document.getElementById('graphiql-session');
      panel?.setAttribute('role', 'region');
      panel?.removeAttribute('aria-labelledby');
      panel?.setAttribute('aria-label', 'Operation and response');
    };
    correct();
    const observer = new MutationObserver(correct);
    observer.observe(list, { subtree: true, childList: true, attributes: true, attributeFilter: ['role', 'aria-selected', 'class'] });
    return () => observer.disconnect();
  }, []);
  return null;
}
